/** New files become jobs of the chosen model. The first of a few is opened. */

import { go, route } from '../route.ts';
import { problem } from '../store.ts';
import { t } from '../texts.ts';
import { send } from '../uploads.ts';
import { jobOptions } from './choice.ts';

export function addFiles(files: File[]): void {
  if (files.length === 0) {
    problem.value = new Error(t('drop.nothing'));
    return;
  }
  const open = files.length === 1 || route.value.page === 'home';
  send(files, jobOptions(), open ? (id) => go('job', id) : undefined);
}
