/** What the page knows of the service: its jobs, its models, whether it answers. */

import { computed, signal } from '@preact/signals';

import * as api from './api/client.ts';
import { listen } from './api/events.ts';
import { afterGap, newestFirst, withJob, withoutJob, type Jobs } from './api/merge.ts';
import type { About, Job, Model } from './api/types.ts';

export const jobs = signal<Jobs>(new Map());
export const jobList = computed(() => newestFirst(jobs.value));
const listed = signal<Model[]>([]);
/** models with names that are made of names (`a+b`), which no list has */
const named = signal<Model[]>([]);
export const models = computed(() => [...named.value, ...listed.value]);
export const about = signal<About | null>(null);
export const connection = signal<'connecting' | 'open' | 'lost'>('connecting');
/** the first list of jobs has come */
export const loaded = signal(false);
/** the last thing that went wrong, for the line at the top */
export const problem = signal<unknown>(null);

const RETRY_MS = 2000;
let changed = new Set<string>();
let gap = 0;

export function known(job: Job): void {
  changed.add(job.id);
  const finishedPull = job.kind === 'pull' && job.state === 'done';
  if (finishedPull && jobs.value.get(job.id)?.state !== 'done') void fetchModels();
  jobs.value = withJob(jobs.value, job);
}

async function afterOpening(): Promise<void> {
  const mine = ++gap;
  changed = new Set();
  try {
    const listed = await api.jobs();
    if (mine !== gap) return;
    jobs.value = afterGap(jobs.value, listed, changed);
    loaded.value = true;
    connection.value = 'open';
    problem.value = null;
  } catch (caught) {
    if (mine !== gap) return;
    problem.value = caught;
    setTimeout(() => mine === gap && void afterOpening(), RETRY_MS);
  }
}

export async function fetchModels(): Promise<void> {
  listed.value = await api.models();
  await Promise.all(named.value.map(({ name }) => nameModel(name)));
}

/** Asks for a model whose name is made of names. */
export async function nameModel(name: string): Promise<void> {
  const model = await api.model(name);
  named.value = [model, ...named.value.filter((one) => one.name !== model.name)];
}

export async function fetchAbout(): Promise<void> {
  about.value = await api.about();
}

/** Does something that may fail; what goes wrong is shown. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    const value = await work();
    problem.value = null;
    return value;
  } catch (caught) {
    problem.value = caught;
    return null;
  }
}

export const make = (wanted: Parameters<typeof api.createJob>[0]) =>
  attempt(async () => {
    const job = await api.createJob(wanted);
    known(job);
    return job;
  });

export const cancel = (id: string) => attempt(async () => known(await api.cancelJob(id)));
export const again = (id: string) =>
  attempt(async () => {
    const job = await api.repeatJob(id);
    known(job);
    return job;
  });
export const remove = (id: string) =>
  attempt(async () => {
    await api.deleteJob(id);
    forget(id);
  });

/** What the browser keeps of a job goes with it. */
function forget(id: string): void {
  jobs.value = withoutJob(jobs.value, id);
  localStorage.removeItem(`player ${id}`);
  localStorage.removeItem(`lyrics ${id}`);
}

export function start(): void {
  listen({
    opened: () => void afterOpening(),
    lost: () => (connection.value = 'lost'),
    job: known,
    removed: (id) => {
      changed.delete(id);
      forget(id);
    },
  });
  void attempt(() => Promise.all([fetchModels(), fetchAbout()]));
}
