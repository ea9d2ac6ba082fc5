import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loopOf, nextPiece, positionAt, withSpan, type Loop, type Piece, type Span } from '../src/audio/plan.ts';

/** The frames of the song in the order in which they are played. */
function played(from: number, loop: Loop | null, length: number, most: number, count: number): number[] {
  const all: number[] = [];
  let position: number | null = from;
  while (position !== null && all.length < count) {
    const piece = nextPiece(position, loop, length, most);
    if (!piece) break;
    for (let i = 0; i < piece.count; i++) all.push(piece.start + i);
    position = piece.next;
  }
  return all.slice(0, count);
}

test('without a loop every frame comes once, to the last', () => {
  assert.deepEqual(
    played(3, null, 20, 4, 100),
    Array.from({ length: 17 }, (_, i) => i + 3),
  );
});

test('a loop repeats its frames exactly, whatever the size of the pieces', () => {
  for (const most of [1, 2, 3, 5, 64]) {
    assert.deepEqual(played(6, { start: 5, end: 9 }, 20, most, 12), [6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8, 5]);
  }
});

test('a loop up to the end of the song goes on, and one that lies behind is passed over', () => {
  assert.deepEqual(played(8, { start: 7, end: 99 }, 10, 4, 6), [8, 9, 7, 8, 9, 7]);
  assert.deepEqual(played(8, { start: 2, end: 5 }, 10, 4, 6), [8, 9]);
});

test('spans tell the place of every frame of the queue', () => {
  const loop = { start: 5, end: 9 };
  const expected = played(6, loop, 20, 2, 30);
  let spans: Span[] = [{ index: 0, position: 6 }];
  let position: number | null = 6;
  let index = 0;
  while (index < 30 && position !== null) {
    const piece: Piece = nextPiece(position, loop, 20, 2)!;
    index += piece.count;
    position = piece.next;
    if (position !== null) spans = withSpan(spans, { index, position }, 0);
  }
  assert.deepEqual(
    expected.map((_, i) => positionAt(spans, i)),
    expected,
  );
});

test('spans that were heard are forgotten', () => {
  let spans: Span[] = [];
  for (let i = 0; i < 100; i++) spans = withSpan(spans, { index: 4 * i, position: 5 }, 4 * i);
  assert.ok(spans.length <= 2);
});

test('marks are a loop in either order, unless they are too near', () => {
  assert.deepEqual(loopOf(9, 5, 100, 2), { start: 5, end: 9 });
  assert.deepEqual(loopOf(-3, 500, 100, 2), { start: 0, end: 100 });
  assert.equal(loopOf(5, 6, 100, 2), null);
});
