/**
 * Live changes of jobs by server-sent events.
 *
 * The browser reconnects by itself after a broken connection, and this module after a refused one. What changed in the
 * gap is unknown, so `opened` is called each time: the caller fetches everything again.
 */

import { ROOT } from './client.ts';
import type { Job } from './types.ts';

export interface Listener {
  opened: () => void;
  lost: () => void;
  job: (job: Job) => void;
  removed: (id: string) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

/** Listens until the function that it returns is called. */
export function listen(listener: Listener, path = '/events'): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = FIRST_WAIT_MS;

  const connect = () => {
    source = new EventSource(ROOT + path);
    source.onopen = () => {
      wait = FIRST_WAIT_MS;
      listener.opened();
    };
    source.onerror = () => {
      listener.lost();
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    };
    source.addEventListener('job', (event) => listener.job(JSON.parse(event.data) as Job));
    source.addEventListener('removed', (event) =>
      listener.removed((JSON.parse(event.data) as { id: string }).id),
    );
  };

  connect();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}
