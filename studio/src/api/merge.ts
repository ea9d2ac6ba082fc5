/** The page's picture of all jobs, kept right whatever arrives late, twice or out of order. */

import type { Job } from './types.ts';

export type Jobs = ReadonlyMap<string, Job>;

/** The job where it is newer than what is known: the highest revision wins. */
export function withJob(jobs: Jobs, job: Job): Jobs {
  const known = jobs.get(job.id);
  if (known && known.revision >= job.revision) return jobs;
  return new Map(jobs).set(job.id, job);
}

export function withoutJob(jobs: Jobs, id: string): Jobs {
  if (!jobs.has(id)) return jobs;
  const rest = new Map(jobs);
  rest.delete(id);
  return rest;
}

/**
 * All jobs as they were listed after a gap. What the list lacks is gone, but for `since`: jobs that were made or changed
 * while the list was on its way.
 */
export function afterGap(jobs: Jobs, listed: Job[], since: ReadonlySet<string>): Jobs {
  const all = new Map<string, Job>();
  for (const job of listed) {
    const known = jobs.get(job.id);
    all.set(job.id, known && known.revision > job.revision ? known : job);
  }
  for (const id of since) {
    const known = jobs.get(id);
    if (known && !all.has(id)) all.set(id, known);
  }
  return all;
}

export const newestFirst = (jobs: Jobs): Job[] =>
  [...jobs.values()].sort((a, b) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id));
