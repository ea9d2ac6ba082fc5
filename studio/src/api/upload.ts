/**
 * Uploads that go on after a break, by the protocol tus 1.0.0.
 *
 * A file goes in parts. After a broken part the server is asked how much it has; after a reload of the page the same
 * file goes on where it was, because its address is remembered.
 */

import { ApiError, ROOT, errorOf, isFinal } from './client.ts';

export interface Progress {
  sent: number;
  total: number;
}

const PART = 4 * 1024 * 1024;
const TRIES = 8;
const TUS = { 'Tus-Resumable': '1.0.0' };

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

const fingerprint = (file: File): string =>
  `upload ${file.name} ${file.size} ${file.lastModified}`;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function send(address: string, init: RequestInit): Promise<Response> {
  const headers = { ...TUS, ...init.headers };
  const response = await fetch(address, { credentials: 'same-origin', ...init, headers });
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function create(file: File, signal: AbortSignal): Promise<string> {
  const response = await send(`${ROOT}/uploads`, {
    method: 'POST',
    headers: {
      'Upload-Length': String(file.size),
      'Upload-Metadata': `filename ${base64(file.name)}`,
    },
    signal,
  });
  const location = response.headers.get('Location');
  if (!location) throw new ApiError(response.status, 'no_location', 'no Location');
  return new URL(location, window.location.href).pathname;
}

async function offsetOf(address: string, signal: AbortSignal): Promise<number> {
  const response = await send(address, { method: 'HEAD', signal });
  return Number(response.headers.get('Upload-Offset') ?? 0);
}

/** Sends a file and returns the upload's ID. */
export async function upload(
  file: File,
  signal: AbortSignal,
  progress: (progress: Progress) => void,
): Promise<string> {
  const key = fingerprint(file);
  let address = localStorage.getItem(key);
  let offset = 0;
  if (address) {
    try {
      offset = await offsetOf(address, signal);
    } catch {
      signal.throwIfAborted();
      address = null;
    }
  }
  let failures = 0;
  for (;;) {
    try {
      address ??= await create(file, signal);
      localStorage.setItem(key, address);
      if (failures > 0) offset = await offsetOf(address, signal);
      while (offset < file.size) {
        progress({ sent: offset, total: file.size });
        const response: Response = await send(address, {
          method: 'PATCH',
          headers: {
            'Content-Type': 'application/offset+octet-stream',
            'Upload-Offset': String(offset),
          },
          body: file.slice(offset, offset + PART),
          signal,
        });
        offset = Number(response.headers.get('Upload-Offset') ?? offset + PART);
        failures = 0;
      }
      progress({ sent: file.size, total: file.size });
      localStorage.removeItem(key);
      return address.split('/').pop()!;
    } catch (problem) {
      if (signal.aborted || isFinal(problem) || ++failures >= TRIES) {
        localStorage.removeItem(key);
        if (signal.aborted && address) void send(address, { method: 'DELETE' }).catch(() => undefined);
        if (problem instanceof TypeError) throw new ApiError(0, 'unreachable', 'unreachable');
        throw problem;
      }
      await pause(Math.min(300 * 2 ** failures, 10000));
    }
  }
}
