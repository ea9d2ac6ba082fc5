import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Latest } from '../src/mixer/latest.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('one wish is worked on at a time, and of those that wait only the newest', async () => {
  const begun: number[] = [];
  let together = 0;
  let most = 0;
  const latest = new Latest(async (wanted: number) => {
    begun.push(wanted);
    most = Math.max(most, ++together);
    await pause(5);
    together--;
    return 0;
  });
  [1, 2, 3].forEach((wanted) => latest.want(wanted));
  await pause(30);
  latest.want(4);
  await pause(15);
  assert.deepEqual(begun, [1, 3, 4]);
  assert.equal(most, 1);
});

test('what is late is tried again, unless something newer is wanted or nothing any more', async () => {
  const begun: number[] = [];
  const latest = new Latest(async (wanted: number) => {
    begun.push(wanted);
    return begun.length < 3 ? 5 : 0;
  });
  latest.want(1);
  await pause(50);
  assert.deepEqual(begun, [1, 1, 1]);
  const closed = new Latest(async (wanted: number) => {
    begun.push(wanted);
    return 5;
  });
  closed.want(9);
  closed.close();
  await pause(20);
  assert.deepEqual(begun, [1, 1, 1, 9]);
});
