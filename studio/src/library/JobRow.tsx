/** A job in the list: what it is of, how far it is, and what can be done with it. */

import type { Job } from '../api/types.ts';
import { addressOf, go, route } from '../route.ts';
import { again, cancel, remove } from '../store.ts';
import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { clock } from '../ui/words.ts';
import { kindName, nameOf, stateLine } from './describe.ts';

export function JobRow({ job }: { job: Job }) {
  const here = route.value.id === job.id;
  const active = job.state === 'queued' || job.state === 'running';
  const name = nameOf(job);
  const facts = [job.kind === 'separate' ? job.model : kindName(job.kind)];
  if (job.source.duration_s) facts.push(clock(job.source.duration_s));
  const leave = async () => {
    await remove(job.id);
    if (here) go('home');
  };
  return (
    <li class={`row ${job.state}${here ? ' here' : ''}`} data-job={job.id}>
      <a
        class="row-text"
        href={addressOf('job', job.id)}
        aria-current={here ? 'page' : undefined}
      >
        <bdi class="row-name" title={name}>
          {name}
        </bdi>
        <span class="faint">{facts.filter(Boolean).join(' · ')}</span>
        {job.state !== 'done' && (
          <span class={job.state === 'failed' ? 'bad' : 'state'}>{stateLine(job)}</span>
        )}
        {job.state === 'running' && (
          <progress
            {...(job.progress?.fraction == null ? {} : { value: job.progress.fraction })}
            max={1}
            aria-label={t('progress.of', { name })}
          />
        )}
      </a>
      {active ? (
        <button
          class="quiet icon-only"
          onClick={() => cancel(job.id)}
          aria-label={t('cancel.of', { name })}
          title={t('cancel')}
        >
          <Icon name="close" />
        </button>
      ) : (
        <>
          {job.state !== 'done' && (
            <button
              class="quiet icon-only"
              onClick={() => again(job.id)}
              aria-label={t('again.of', { name })}
              title={t('again')}
            >
              <Icon name="again" />
            </button>
          )}
          <button
            class="quiet icon-only"
            onClick={leave}
            aria-label={t('delete.of', { name })}
            title={t('delete')}
          >
            <Icon name="trash" />
          </button>
        </>
      )}
    </li>
  );
}
