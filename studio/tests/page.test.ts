import assert from 'node:assert/strict';
import { test } from 'node:test';

import de from '../texts/de.json' with { type: 'json' };
import en from '../texts/en.json' with { type: 'json' };
import { afterGap, newestFirst, withJob, withoutJob } from '../src/api/merge.ts';
import type { Job } from '../src/api/types.ts';
import { NEUTRAL } from '../src/audio/levels.ts';
import { remixOptions } from '../src/mixer/export.ts';
import { fitted, following, ticks, tiles, zoomed } from '../src/mixer/view.ts';
import { clock, fill, languageOf, pluralKey } from '../src/ui/words.ts';

const job = (id: string, revision: number, created = '2026-01-01') =>
  ({ id, revision, created_at: created }) as Job;

test('every text is there in every language, with the same places to fill', () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [key, text] of Object.entries(en)) {
    assert.deepEqual(places((de as Record<string, string>)[key]!), places(text), key);
  }
});

test('texts are filled, and their plural and language chosen', () => {
  assert.equal(fill('{a} of {b} {c}', { a: 1, b: '<b>' }), '1 of <b> {c}');
  assert.equal(pluralKey('x', 'few', { 'x.one': '', 'x.other': '' }), 'x.other');
  assert.equal(languageOf(['fr-FR', 'de-AT'], ['en', 'de']), 'de');
  assert.equal(languageOf(['fr'], ['en', 'de']), 'en');
});

test('times are written as clocks', () => {
  assert.equal(clock(0), '0:00');
  assert.equal(clock(59.999, 2), '0:59.99');
  assert.equal(clock(3723.4), '1:02:03');
  assert.equal(clock(0.29, 2), '0:00.29');
});

test('the highest revision of a job wins, in whatever order they come', () => {
  let jobs = withJob(new Map(), job('a', 3));
  jobs = withJob(jobs, job('a', 2));
  assert.equal(jobs.get('a')!.revision, 3);
  jobs = withJob(jobs, job('a', 4));
  assert.equal(jobs.get('a')!.revision, 4);
  assert.equal(withoutJob(jobs, 'a').size, 0);
});

test('after a gap the list counts, but for what changed while it was on its way', () => {
  const known = new Map([
    ['gone', job('gone', 9)],
    ['newer', job('newer', 5)],
    ['made', job('made', 1)],
  ]);
  const jobs = afterGap(known, [job('newer', 4), job('listed', 1)], new Set(['made']));
  assert.deepEqual([...jobs.keys()].sort(), ['listed', 'made', 'newer']);
  assert.equal(jobs.get('newer')!.revision, 5);
});

test('jobs are listed with the newest first', () => {
  const jobs = new Map([
    ['a', job('a', 1, '2026-01-01')],
    ['b', job('b', 1, '2026-01-02')],
  ]);
  assert.deepEqual(
    newestFirst(jobs).map(({ id }) => id),
    ['b', 'a'],
  );
});

test('what is heard is what a remix is asked for', () => {
  const rows = {
    a: { ...NEUTRAL, gain: -3, pan: 0.5 },
    b: { ...NEUTRAL, mute: true, gain: 5 },
    c: NEUTRAL,
  };
  assert.deepEqual(remixOptions(rows), { gain: { a: -3 }, pan: { a: 0.5 }, solo: ['a', 'c'] });
});

test('a zoom keeps the frame under the pointer, and stays in the song', () => {
  const view = zoomed({ start: 0, count: 1000 * 64 }, 0.5, 16000, 64000);
  assert.deepEqual(view, { start: 8000, count: 32000 });
  assert.deepEqual(zoomed(view, 100, 16000, 64000), { start: 0, count: 64000 });
  assert.deepEqual(fitted({ start: -5, count: 10 }, 64000), { start: 0, count: 256 });
});

test('the view turns a page when the player leaves it', () => {
  const view = { start: 0, count: 1000 };
  assert.equal(following(view, 999, 9000), view);
  assert.deepEqual(following(view, 1000, 9000), { start: 950, count: 1000 });
});

test('ticks lie in the view at round times', () => {
  assert.deepEqual(ticks({ start: 100, count: 1000 }, 100, 1000, 90), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('tiles cover the view, with a column for each pixel or more', () => {
  const shown = tiles({ start: 600_000, count: 1_000_000 }, 1000);
  assert.equal(shown[0]!.zoom, 1);
  assert.ok(shown[0]!.start <= 600_000);
  const last = shown.at(-1)!;
  assert.ok(last.start + last.count >= 1_600_000);
  assert.equal(tiles({ start: 0, count: 1e8 }, 1000)[0]!.zoom, 0);
});
