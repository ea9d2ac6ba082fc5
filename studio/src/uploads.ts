/** Files on their way to the service. Each becomes a job when it is there. */

import { signal } from '@preact/signals';

import { createJob } from './api/client.ts';
import { upload } from './api/upload.ts';
import { known } from './store.ts';

export interface Upload {
  id: number;
  name: string;
  sent: number;
  total: number;
  problem: unknown;
  stop: AbortController;
  retry: () => void;
}

export const uploads = signal<Upload[]>([]);
let last = 0;
const TOGETHER = 2;
let running = 0;
const waiting: (() => Promise<void>)[] = [];

function change(id: number, values: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, ...values } : one));
}

export function dismiss(id: number): void {
  uploads.value.find((one) => one.id === id)?.stop.abort();
  uploads.value = uploads.value.filter((one) => one.id !== id);
}

function next(): void {
  while (running < TOGETHER && waiting.length > 0) {
    running++;
    void waiting.shift()!().finally(() => {
      running--;
      next();
    });
  }
}

/** Sends the files, two at a time, and makes a separation of each. `done` gets the first job. */
export function send(files: File[], options: Record<string, unknown>, done?: (id: string) => void): void {
  files.forEach((file, place) => {
    const id = ++last;
    const enqueue = () => {
      waiting.push(work);
      next();
    };
    let uploaded: string | null = null;
    const work = async () => {
      const mine = uploads.value.find((one) => one.id === id);
      if (!mine) return;
      try {
        uploaded ??= await upload(file, mine.stop.signal, (progress) => change(id, progress));
        const job = await createJob({ kind: 'separate', source: { upload: uploaded }, options });
        known(job);
        if (place === 0) done?.(job.id);
        dismiss(id);
      } catch (problem) {
        change(id, { problem });
      }
    };
    const retry = () => {
      change(id, { problem: null, stop: new AbortController() });
      enqueue();
    };
    uploads.value = [
      ...uploads.value,
      { id, name: file.name, sent: 0, total: file.size, problem: null, stop: new AbortController(), retry },
    ];
    enqueue();
  });
}
