import assert from 'node:assert/strict';
import { test } from 'node:test';

import { countInFrames } from '../src/audio/clicks.ts';
import { Engine } from '../src/audio/engine.ts';
import type { FromEngine } from '../src/audio/messages.ts';

const RATE = 48000;
const BLOCK = 128;
const FADE = Math.round(0.004 * RATE);

const noise = (count: number, seed: number) => {
  let state = seed;
  return Float32Array.from({ length: 2 * count }, () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

function setUp(stems: Record<string, Float32Array>, last = true) {
  const said: FromEngine[] = [];
  const engine = new Engine(RATE, 1 << 16, (message) => said.push(message));
  const count = Object.values(stems)[0]!.length / 2;
  engine.handle({ type: 'rows', names: Object.keys(stems), channels: 2 });
  engine.handle({ type: 'cut', epoch: 1, after: 0, seam: true });
  engine.handle({ type: 'push', epoch: 1, pieces: stems, count, last });
  return { engine, said };
}

function render(engine: Engine, count: number) {
  const left = new Float32Array(count);
  const right = new Float32Array(count);
  for (let at = 0; at < count; at += BLOCK) {
    engine.render(left.subarray(at, at + BLOCK), right.subarray(at, at + BLOCK));
  }
  return { left, right };
}

const levels = (of: Record<string, number>) =>
  Object.fromEntries(Object.entries(of).map(([name, gain]) => [name, { left: gain, right: gain }]));

test('stems are in sync to the sample, and gains are exact', () => {
  const stems = { a: noise(8192, 1), b: noise(8192, 2) };
  const { engine } = setUp(stems);
  engine.handle({ type: 'levels', levels: levels({ a: 0.3, b: -1.7 }) });
  engine.handle({ type: 'play', countIn: null });
  const { left, right } = render(engine, 8192);
  for (let i = FADE; i < 8192; i++) {
    assert.equal(left[i], Math.fround(0.3 * stems.a[2 * i]! - 1.7 * stems.b[2 * i]!));
    assert.equal(right[i], Math.fround(0.3 * stems.a[2 * i + 1]! - 1.7 * stems.b[2 * i + 1]!));
  }
});

test('mute is exact silence after its ramp', () => {
  const stems = { a: noise(8192, 1), b: noise(8192, 2) };
  const { engine } = setUp(stems);
  engine.handle({ type: 'levels', levels: levels({ a: 1, b: 1 }) });
  engine.handle({ type: 'play', countIn: null });
  render(engine, 2048);
  engine.handle({ type: 'levels', levels: levels({ a: 1, b: 0 }) });
  const { left } = render(engine, 4096);
  for (let i = FADE; i < 4096; i++) assert.equal(left[i], stems.a[2 * (2048 + i)]);
});

test('a mono row is heard on both sides', () => {
  const said: FromEngine[] = [];
  const engine = new Engine(RATE, 4096, (message) => said.push(message));
  const wave = noise(1024, 3).subarray(0, 2048);
  engine.handle({ type: 'rows', names: ['a'], channels: 1 });
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'push', epoch: 0, pieces: { a: wave }, count: 2048, last: true });
  engine.handle({ type: 'play', countIn: null });
  const { left, right } = render(engine, 2048);
  assert.deepEqual(left.subarray(FADE), wave.subarray(FADE));
  assert.deepEqual(right.subarray(FADE), wave.subarray(FADE));
});

test('it waits for what is not there yet, and goes on with the very next frame', () => {
  const wave = noise(40000, 4);
  const { engine, said } = setUp({ a: wave.subarray(0, 2 * 20000) }, false);
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'play', countIn: null });
  render(engine, 128 * 180);
  const last = said.at(-1)!;
  assert.equal(last.type === 'report' && last.state, 'waiting');
  engine.handle({
    type: 'push',
    epoch: 1,
    pieces: { a: wave.subarray(2 * 20000) },
    count: 20000,
    last: true,
  });
  const { left } = render(engine, 1280);
  const behind = left[640]!;
  const place = wave.indexOf(behind) / 2;
  assert.ok(place >= 20000 - 128 + 640 - 128 && place <= 20000 + 640, `${place}`);
  for (let i = FADE + 1; i < 1280; i++) assert.equal(left[i], wave[2 * (place - 640 + i)]);
});

test('it ends with the last frame', () => {
  const { engine, said } = setUp({ a: noise(1000, 5) });
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'play', countIn: null });
  const { left } = render(engine, 1280);
  assert.notEqual(left[999], 0);
  assert.ok(left.subarray(1000).every((sample) => sample === 0));
  const last = said.at(-1)!;
  assert.equal(last.type === 'report' && last.state, 'ended');
});

test('a pause dips within milliseconds and goes on where it stopped', () => {
  const wave = noise(20000, 6);
  const { engine } = setUp({ a: wave });
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'play', countIn: null });
  render(engine, 2048);
  engine.handle({ type: 'pause' });
  const paused = render(engine, 1024).left;
  assert.ok(paused.subarray(FADE).every((sample) => sample === 0));
  engine.handle({ type: 'play', countIn: null });
  const { left } = render(engine, 1024);
  for (let i = FADE; i < 1024; i++) assert.equal(left[i], wave[2 * (2048 + FADE + i)]);
});

test('a seek replaces what is queued, without a click', () => {
  const old = new Float32Array(2 * 8192).fill(0.5);
  const { engine, said } = setUp({ a: old });
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'play', countIn: null });
  render(engine, 2048);
  engine.handle({ type: 'cut', epoch: 2, after: FADE, seam: true });
  const cut = said.findLast((message) => message.type === 'cut')!;
  assert.equal(cut.type === 'cut' && cut.index, 2048 + FADE);
  engine.handle({ type: 'push', epoch: 1, pieces: { a: old }, count: 8192, last: true });
  const next = new Float32Array(2 * 8192).fill(-0.5);
  engine.handle({ type: 'push', epoch: 2, pieces: { a: next }, count: 8192, last: true });
  const { left } = render(engine, 2048);
  for (let i = 1; i < 2048; i++) assert.ok(Math.abs(left[i]! - left[i - 1]!) <= 0.51 / FADE);
  assert.equal(left[2 * FADE], -0.5);
});

test('a count-in has its beats, and the song follows on the sample', () => {
  const wave = noise(RATE, 7);
  const { engine } = setUp({ a: wave });
  const countIn = { beats: 2, bpm: 240 };
  const before = countInFrames(countIn, RATE);
  assert.equal(before, RATE / 2);
  engine.handle({ type: 'levels', levels: levels({ a: 1 }) });
  engine.handle({ type: 'play', countIn });
  const { left } = render(engine, 128 * 240);
  assert.ok(Math.max(...left.subarray(0, 200)) > 0.2);
  assert.ok(Math.max(...left.subarray(before / 2, before / 2 + 200)) > 0.2);
  for (let i = FADE; i < 4000; i++) assert.equal(left[before + i], wave[2 * i]);
});
