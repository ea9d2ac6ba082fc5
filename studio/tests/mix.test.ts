import assert from 'node:assert/strict';
import { test } from 'node:test';

import { audible, factors, fromDb, NEUTRAL } from '../src/audio/levels.ts';
import { addRow, Ramp } from '../src/audio/mix.ts';
import { Rings } from '../src/audio/rings.ts';

const frames = (count: number, of: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => of(i));

test('an untouched row keeps its factor of one, and silence is none', () => {
  assert.deepEqual(factors(NEUTRAL, true), { left: 1, right: 1 });
  assert.deepEqual(factors(NEUTRAL, false), { left: 0, right: 0 });
  assert.equal(fromDb(-60), 0);
  assert.ok(Math.abs(fromDb(-6) - 0.501187) < 1e-6);
});

test('pan is the law of `unweave remix`: √2 cos and √2 sin', () => {
  const { left, right } = factors({ ...NEUTRAL, pan: 0.5 }, true);
  const angle = (1.5 * Math.PI) / 4;
  assert.ok(Math.abs(left - Math.SQRT2 * Math.cos(angle)) < 1e-15);
  assert.ok(Math.abs(right - Math.SQRT2 * Math.sin(angle)) < 1e-15);
  const end = factors({ ...NEUTRAL, pan: -1 }, true);
  assert.ok(Math.abs(end.left - Math.SQRT2) < 1e-15 && Math.abs(end.right) < 1e-15);
});

test('solo leaves the others out, and mute wins over solo', () => {
  const rows = {
    a: { ...NEUTRAL, solo: true },
    b: { ...NEUTRAL },
    c: { ...NEUTRAL, solo: true, mute: true },
  };
  assert.deepEqual(audible(rows), ['a']);
  assert.deepEqual(audible({ a: { ...NEUTRAL, mute: true }, b: NEUTRAL }), ['b']);
});

test('a ramp is a straight line that ends exactly on its target', () => {
  const ramp = new Ramp({ left: 1, right: 1 });
  ramp.to({ left: 0, right: 0.25 }, 3);
  const seen = [1, 2, 3].map(() => {
    ramp.advance();
    return ramp.value.left;
  });
  assert.ok(Math.abs(seen[0]! - 2 / 3) < 1e-12);
  assert.equal(ramp.value.left, 0);
  assert.equal(ramp.value.right, 0.25);
  assert.equal(ramp.moving, false);
});

test('a row is added with its factors, over the end of the ring', () => {
  const rings = new Rings(8);
  rings.setRows(['a'], 2);
  rings.push({ a: frames(12, (i) => i) }, 6);
  rings.read = 6;
  rings.push({ a: frames(8, (i) => 100 + i) }, 4);
  const sums: [Float64Array, Float64Array] = [new Float64Array(4), new Float64Array(4)];
  const peak = addRow(sums, rings.channels('a'), 6, 4, new Ramp({ left: 0.5, right: -2 }));
  assert.deepEqual([...sums[0]], [50, 51, 52, 53]);
  assert.deepEqual([...sums[1]], [-202, -206, -210, -214]);
  assert.equal(peak, 214);
});

test('a ring forgets what is queued, never what is heard', () => {
  const rings = new Rings(16);
  rings.setRows(['a'], 1);
  rings.push({ a: frames(10, (i) => i) }, 10);
  rings.read = 4;
  rings.truncate(2);
  assert.equal(rings.write, 4);
  rings.push({ a: frames(3, () => 7) }, 3);
  assert.equal(rings.waiting, 3);
});
