/** What the service and the browser say of themselves, as lines for a person. */

import type { About } from '../api/types.ts';
import { kindName } from '../library/describe.ts';
import { bytes, count, number, t, type Key } from '../texts.ts';
import { clock } from '../ui/words.ts';

export type Fact = [name: Key, value: string];

const yes = (value: boolean): string => (value ? t('yes') : t('no'));

export const serviceFacts = ({ version, kinds, formats, diagnosis }: About): Fact[] => [
  ['about.version', version],
  ['about.up', clock(diagnosis.up_s)],
  ['about.worker', yes(diagnosis.worker)],
  ['about.kinds', kinds.map(({ name }) => kindName(name)).join(', ')],
  ['about.formats', formats.map((name) => name.toUpperCase()).join(', ')],
];

export const limitFacts = ({ limits, paths, urls, diagnosis }: About): Fact[] => [
  ['about.limit.bytes', bytes(limits.bytes)],
  ['about.limit.seconds', clock(limits.seconds)],
  ['about.limit.channels', number(limits.channels)],
  ['about.limit.waiting', number(limits.waiting_jobs)],
  ['about.limit.together', number(diagnosis.jobs_at_a_time)],
  ['about.keep.days', count('about.days', diagnosis.keep_days)],
  ['about.keep.bytes', bytes(diagnosis.keep_bytes)],
  ['about.paths', yes(paths)],
  ['about.urls', yes(urls)],
];

export const machineFacts = ({ diagnosis }: About): Fact[] => [
  ['about.cores', number(diagnosis.cores)],
  ['about.memory', diagnosis.memory_mb === null ? t('about.unknown') : bytes(1e6 * diagnosis.memory_mb)],
  ['about.disk', bytes(diagnosis.disk_free_bytes)],
  ['about.cache', bytes(diagnosis.cache_bytes)],
];

export const browserFacts = (): Fact[] => [
  ['about.audio', yes('AudioWorklet' in window)],
  ['about.wasm', yes('WebAssembly' in window)],
  ['about.secure', yes(window.isSecureContext)],
  ['about.screen', `${window.innerWidth} × ${window.innerHeight}, × ${window.devicePixelRatio}`],
  ['about.languages', navigator.languages.join(', ')],
  ['about.agent', navigator.userAgent],
];
