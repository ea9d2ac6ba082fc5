/** Requests to the service. Whatever goes wrong is an ApiError with one line for a person. */

import { take } from '../audio/buffers.ts';
import type { About, Job, Model, NewJob, Option } from './types.ts';

export const ROOT = '/api/v1';

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A refusal that another try does not change: anything but a conflict, a limit of rate, or the server's own trouble. */
export const isFinal = (problem: unknown): boolean =>
  problem instanceof ApiError &&
  problem.status >= 400 &&
  problem.status < 500 &&
  ![409, 423, 429].includes(problem.status);

/** The error that a refused response tells; its own words where it has some. */
export async function errorOf(response: Response): Promise<ApiError> {
  let code = 'http';
  let message = `${response.status} ${response.statusText}`.trim();
  try {
    const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
    code = error?.code ?? code;
    message = error?.message ?? message;
  } catch {
    // no JSON: a proxy or a stopped service; its status has to do
  }
  return new ApiError(response.status, code, message);
}

export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, { credentials: 'same-origin', ...init });
  } catch {
    throw new ApiError(0, 'unreachable', 'unreachable');
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await request(path, init)).json()) as T;
}

const post = (body?: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: body === undefined ? null : JSON.stringify(body),
});

export const about = () => json<About>('/about');
export const model = (name: string) =>
  json<Model & { options: Option[] }>(`/models/${encodeURIComponent(name)}`);
export const job = (id: string) => json<Job>(`/jobs/${id}`);
export const createJob = (wanted: NewJob) => json<Job>('/jobs', post(wanted));
export const cancelJob = (id: string) => json<Job>(`/jobs/${id}/cancel`, post());
export const repeatJob = (id: string) => json<Job>(`/jobs/${id}/again`, post());
export const deleteJob = (id: string) => request(`/jobs/${id}`, { method: 'DELETE' });

export function models(): Promise<Model[]> {
  return json<Model[]>('/models');
}

/** All jobs, page by page. */
export async function jobs(): Promise<Job[]> {
  const all: Job[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&before=${encodeURIComponent(cursor)}`;
    const page: { jobs: Job[]; next: string | null } = await json(`/jobs?limit=100${query}`);
    all.push(...page.jobs);
    cursor = page.next;
  } while (cursor !== null && all.length < 2000);
  return all;
}

const stemPath = (id: string, stem: string) => `/jobs/${id}/stems/${encodeURIComponent(stem)}`;

export const stemAddress = (id: string, stem: string, ext: string) =>
  `${ROOT}/jobs/${id}/stems/${encodeURIComponent(`${stem}.${ext}`)}`;
export const stemFileAddress = (id: string) => `${ROOT}/jobs/${id}/song.stem.mp4`;
export const archiveAddress = (id: string) => `${ROOT}/jobs/${id}/archive.zip`;
export const reportAddress = (id: string) => `${ROOT}/jobs/${id}/report`;
export const tileAddress = (id: string, stem: string, zoom: number, tile: number) =>
  `${ROOT}${stemPath(id, stem)}/spectrogram/${zoom}/${tile}.png`;

/** Sound or peaks that may not be there yet: then `null`, and when to ask again. */
export type Late<T> = { value: T; wait: 0 } | { value: null; wait: number };

async function late<T>(response: Response, read: (r: Response) => Promise<T>): Promise<Late<T>> {
  if (response.status !== 202) return { value: await read(response), wait: 0 };
  const seconds = Number(response.headers.get('Retry-After') ?? 1);
  return { value: null, wait: 1000 * Math.min(Math.max(Number.isFinite(seconds) ? seconds : 1, 0.1), 10) };
}

export interface Pcm {
  channels: number;
  count: number;
  /** interleaved */
  frames: Float32Array<ArrayBuffer>;
}

/** The page keeps what it needs of it; the browser's own cache would hold it a second time. */
export async function pcm(id: string, stem: string, start: number, count: number): Promise<Late<Pcm>> {
  const path = `${stemPath(id, stem)}/pcm?start=${start}&count=${count}`;
  const response = await request(path, { cache: 'no-store' });
  return late(response, async (r) => {
    const channels = Number(r.headers.get('X-Channels'));
    const came = Number(r.headers.get('X-Count'));
    const buffer = await filled(take(4 * channels * came), 4 * channels * came, r);
    return { channels, count: came, frames: new Float32Array(buffer, 0, channels * came) };
  });
}

/** The buffer, with a body of so many bytes in it. It may be another object for the same memory. */
async function filled(buffer: ArrayBuffer, bytes: number, response: Response): Promise<ArrayBuffer> {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = response.body!.getReader({ mode: 'byob' });
  } catch {
    // a browser that cannot read into a buffer makes one of its own
    return await response.arrayBuffer();
  }
  for (let at = 0; at < bytes; ) {
    const { value } = await reader.read(new Uint8Array(buffer, at, bytes - at));
    if (!value?.length) throw new ApiError(0, 'unreachable', 'unreachable');
    buffer = value.buffer;
    at += value.length;
  }
  return buffer;
}

/** Pairs of the lowest and the highest sample, as int16. */
export async function peaks(
  id: string,
  stem: string,
  start: number,
  count: number,
  bins: number,
): Promise<Late<Int16Array>> {
  const query = `start=${start}&count=${count}&bins=${bins}`;
  const response = await request(`${stemPath(id, stem)}/peaks?${query}`);
  return late(response, async (r) => new Int16Array(await r.arrayBuffer()));
}
