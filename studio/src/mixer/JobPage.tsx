/** One job: what it is, how far it is, its mixer as soon as there is sound, its files. */

import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import type { Job } from '../api/types.ts';
import { errorLine, kindName, nameOf, stateLine } from '../library/describe.ts';
import { addressOf, go } from '../route.ts';
import { again, cancel, jobs, loaded, remove } from '../store.ts';
import { bytes, date, t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { clock } from '../ui/words.ts';
import { Downloads } from './Downloads.tsx';
import { ExportDialog } from './ExportDialog.tsx';
import { Mixer } from './Mixer.tsx';
import { hasSound, openSession, update, type Session } from './session.ts';

export function JobPage({ id }: { id: string }) {
  const job = jobs.value.get(id);
  if (!job) {
    return <p class="empty">{loaded.value ? t('job.gone') : t('loading')}</p>;
  }
  return (
    <article class="job">
      {hasSound(job) ? <WithMixer job={job} /> : <Plain job={job} />}
    </article>
  );
}

function WithMixer({ job }: { job: Job }) {
  const session = useMemo(() => openSession(job), [job.id]);
  const exporting = useSignal(false);
  useEffect(() => () => session.player.close(), [session]);
  useEffect(() => {
    update(session, job);
  }, [job, session]);
  return (
    <>
      <JobHead job={job} session={session} openExport={() => (exporting.value = true)} />
      <Mixer session={session} openExport={() => (exporting.value = true)} />
      {exporting.value && <ExportDialog session={session} close={() => (exporting.value = false)} />}
    </>
  );
}

function Plain({ job }: { job: Job }) {
  return (
    <>
      <JobHead job={job} />
      {job.state === 'failed' && (
        <p class="notice bad" role="alert">
          {errorLine(job)}
        </p>
      )}
      {job.state === 'queued' && (
        <p class="empty">{t(job.waits_for === 'disk' ? 'job.disk' : 'job.queued')}</p>
      )}
      {job.state === 'running' && <p class="empty">{t('job.running')}</p>}
      {job.state === 'cancelled' && <p class="empty">{t('job.cancelled')}</p>}
      {job.files.length > 0 && <Files job={job} />}
    </>
  );
}

function JobHead({
  job,
  session,
  openExport,
}: {
  job: Job;
  session?: Session;
  openExport?: () => void;
}) {
  const { source } = job;
  const active = job.state === 'queued' || job.state === 'running';
  const facts = [
    job.kind === 'separate' ? job.model : kindName(job.kind),
    source.duration_s ? clock(source.duration_s) : null,
    source.sample_rate_hz ? t('rate', { khz: source.sample_rate_hz / 1000 }) : null,
    date(job.created_at),
  ];
  return (
    <header class="job-head">
      <a class="button quiet icon-only back" href={addressOf('home')} aria-label={t('back')}>
        <Icon name="back" />
      </a>
      <div class="job-title">
        <h1>
          <bdi>{nameOf(job)}</bdi>
        </h1>
        <p class="faint">{facts.filter(Boolean).join(' · ')}</p>
        {job.warnings.map((warning) => (
          <p class="warning">{warning}</p>
        ))}
      </div>
      <div class="buttons">
        {session && (
          <>
            <a class="button" href={addressOf('lyrics', job.id)}>
              <Icon name="text" />
              {t('lyrics')}
            </a>
            <button onClick={openExport} disabled={job.state !== 'done'}>
              <Icon name="up" />
              {t('export')}
            </button>
          </>
        )}
        {job.state === 'done' && <Downloads job={job} />}
        {active ? (
          <button onClick={() => cancel(job.id)}>{t('cancel')}</button>
        ) : (
          <>
            {job.state !== 'done' && (
              <button onClick={() => again(job.id)}>
                <Icon name="again" />
                {t('again')}
              </button>
            )}
            <button
              class="quiet icon-only"
              aria-label={t('delete')}
              title={t('delete')}
              onClick={async () => {
                await remove(job.id);
                go('home');
              }}
            >
              <Icon name="trash" />
            </button>
          </>
        )}
      </div>
      {active && (
        <div class="job-progress">
          <progress
            {...(job.progress?.fraction == null ? {} : { value: job.progress.fraction })}
            max={1}
            aria-label={t('progress.of', { name: nameOf(job) })}
          />
          <span class="faint">{stateLine(job)}</span>
        </div>
      )}
    </header>
  );
}

function Files({ job }: { job: Job }) {
  return (
    <ul class="files">
      {job.files.map((file) => (
        <li key={file.name}>
          <div>
            <bdi>{file.name}</bdi> <span class="faint">{bytes(file.bytes)}</span>
          </div>
          {file.media_type.startsWith('audio/') && (
            <audio controls preload="none" src={file.url} aria-label={file.name} />
          )}
          {file.media_type.startsWith('video/') && (
            <video controls preload="none" src={file.url} aria-label={file.name} />
          )}
          <a class="button" href={file.url} download={file.name}>
            <Icon name="down" />
            {t('download')}
          </a>
        </li>
      ))}
    </ul>
  );
}
