/** Jobs in words. */

import type { Job } from '../api/types.ts';
import { count, number, t, type Key } from '../texts.ts';
import { clock } from '../ui/words.ts';

const KINDS: Record<string, Key> = {
  separate: 'kind.separate',
  karaoke: 'kind.karaoke',
  remix: 'kind.remix',
  analyze: 'kind.analyze',
  restore: 'kind.restore',
  benchmark: 'kind.benchmark',
  pull: 'kind.pull',
};

export const kindName = (kind: string): string => (KINDS[kind] ? t(KINDS[kind]) : kind);

/** What a job is of: its recording, else its model. */
export const nameOf = (job: Job): string => job.source.name ?? job.model ?? kindName(job.kind);

export const errorLine = (job: Job): string =>
  job.error?.message ?? t('state.failed');

/** The state in a line, with what is known of when it ends. */
export function stateLine(job: Job): string {
  const { progress } = job;
  switch (job.state) {
    case 'queued':
      if (job.waits_for === 'disk') return t('state.disk');
      return job.queue_place ? count('state.queued', job.queue_place) : t('state.waiting');
    case 'running': {
      if (progress?.fraction == null) return t('state.starting');
      const percent = number(Math.floor(100 * progress.fraction));
      return progress.left_s == null
        ? t('state.running', { percent })
        : t('state.running.left', { percent, left: clock(Math.ceil(progress.left_s)) });
    }
    case 'failed':
      return errorLine(job);
    case 'cancelled':
      return t('state.cancelled');
    default:
      return t('state.done');
  }
}
