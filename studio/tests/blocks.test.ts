import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Pcm } from '../src/api/client.ts';
import { BLOCK, Blocks } from '../src/audio/blocks.ts';
import { give, take } from '../src/audio/buffers.ts';
import { Feeder } from '../src/audio/feeder.ts';

const BYTES = 2 * 4 * BLOCK;

/** A service that makes blocks: every frame is its number, left, and the row, right. */
function source() {
  const fetched: string[] = [];
  const fetchPcm = async (row: string, start: number, count: number) => {
    fetched.push(`${row} ${start / BLOCK}`);
    const frames = new Float32Array(take(8 * count), 0, 2 * count);
    for (let i = 0; i < count; i++) {
      frames[2 * i] = start + i;
      frames[2 * i + 1] = row.charCodeAt(0);
    }
    return { value: { channels: 2, count, frames }, wait: 0 } as const;
  };
  return { fetched, fetchPcm };
}

test('the blocks used last are kept, and the others give their buffers back', async () => {
  const { fetched, fetchPcm } = source();
  const blocks = new Blocks(fetchPcm, 2 * BYTES);
  const got: Pcm[] = [];
  for (const number of [0, 1, 0]) got.push((await blocks.get('a', number, BLOCK)).value!);
  const first = got[1]!.frames.buffer;
  got.push((await blocks.get('a', 2, BLOCK)).value!);
  assert.deepEqual(fetched, ['a 0', 'a 1', 'a 2']);
  assert.equal(got[0], got[2]);
  assert.deepEqual(
    got.map(({ frames }) => frames.byteLength),
    [BYTES, 0, BYTES, BYTES],
  );
  assert.equal(take(BYTES), first);
  await blocks.get('a', 0, BLOCK);
  assert.equal(fetched.length, 3);
  await blocks.get('a', 1, BLOCK);
  assert.equal(fetched.at(-1), 'a 1');
});

test('a block that goes before it is queued is fetched again, and no frame is lost', async () => {
  const { fetched, fetchPcm } = source();
  const rows = ['a', 'b'];
  const blocks = new Blocks(fetchPcm, 2 * BYTES);
  const starved = new Blocks(async (row, start, count) => {
    const answer = await fetchPcm(row, start, count);
    // the first time, others push out what the feeder has just been given
    if (row === 'b' && fetched.length === 2) await Promise.all([7, 8].map((n) => starved.get('c', n, BLOCK)));
    return answer;
  }, 2 * BYTES);
  for (const kept of [blocks, starved]) {
    fetched.length = 0;
    const heard: Record<string, number[]> = { a: [], b: [] };
    await new Promise<void>((over, failed) => {
      const feeder = new Feeder(kept, 3 * BLOCK - 5, 10 * BLOCK, {
        push: (pieces, count, last) => {
          for (const row of count > 0 ? rows : []) {
            assert.equal(pieces[row]!.length, 2 * count);
            heard[row]!.push(...pieces[row]!.filter((_, i) => i % 2 === 0));
            give(pieces[row]!.buffer as ArrayBuffer);
          }
          if (!last) return;
          feeder.stop();
          over();
        },
        late: () => undefined,
        failed,
      });
      feeder.rows = rows;
      feeder.start(3, 0);
    });
    const expected = Array.from({ length: 3 * BLOCK - 8 }, (_, i) => i + 3);
    for (const row of rows) assert.deepEqual(heard[row], expected);
  }
});
