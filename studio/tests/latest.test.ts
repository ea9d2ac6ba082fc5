import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Latest } from '../src/mixer/latest.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Work that ends when the test says so. */
function watched() {
  const begun: number[] = [];
  const ends: ((wait: number) => void)[] = [];
  const latest = new Latest((wanted: number) => {
    begun.push(wanted);
    return new Promise<number>((resolve) => ends.push(resolve));
  });
  const end = async (wait: number) => {
    ends.shift()!(wait);
    await pause(0);
  };
  const beginsOn = async (count: number) => {
    while (begun.length < count) await pause(1);
  };
  return { latest, begun, end, beginsOn };
}

test('one wish is worked on at a time, and of those that wait only the newest', async () => {
  const { latest, begun, end } = watched();
  [1, 2, 3].forEach((wanted) => latest.want(wanted));
  assert.deepEqual(begun, [1]);
  await end(0);
  assert.deepEqual(begun, [1, 3]);
  await end(0);
  latest.want(4);
  assert.deepEqual(begun, [1, 3, 4]);
});

test('what is late is tried again, unless something newer is wanted or nothing any more', async () => {
  const { latest, begun, end, beginsOn } = watched();
  latest.want(1);
  await end(1);
  await beginsOn(2);
  latest.want(2);
  await end(1);
  await beginsOn(3);
  assert.deepEqual(begun, [1, 1, 2]);
  latest.close();
  await end(1);
  await pause(20);
  assert.deepEqual(begun, [1, 1, 2]);
});
