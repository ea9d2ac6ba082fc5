import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lrc, shownAt, ultrastar } from '../src/lyrics/formats.ts';
import { complete, dragged, ended, linesOf, shifted, tapped, textOf, untapped, withText } from '../src/lyrics/model.ts';

const starts = (lines: ReturnType<typeof linesOf>) => lines.map((line) => line.map(({ start }) => start));

test('text becomes lines of syllables, and text again', () => {
  const text = 'Hal|lo big world\nla la';
  const lines = linesOf(`${text}\n\n[Chorus]\n`);
  assert.deepEqual(
    lines.map((line) => line.map((one) => one.text)),
    [
      ['Hal', 'lo ', 'big ', 'world'],
      ['la ', 'la'],
    ],
  );
  assert.equal(textOf(lines), text);
});

test('a tap starts a syllable and ends the one before, unless a pause was tapped', () => {
  let lines = linesOf('one two\nthree');
  lines = tapped(lines, 0, 1);
  lines = tapped(lines, 1, 1.5);
  lines = ended(lines, 2, 2);
  lines = tapped(lines, 2, 3);
  assert.deepEqual(lines[0], [
    { text: 'one ', start: 1, end: 1.5 },
    { text: 'two', start: 1.5, end: 2 },
  ]);
  assert.deepEqual(untapped(untapped(lines, 2), 1), tapped(linesOf('one two\nthree'), 0, 1));
});

test('lines that stay as they are keep their times when the text changes', () => {
  const lines = tapped(tapped(linesOf('one two\nthree'), 0, 1), 2, 4);
  assert.deepEqual(starts(withText(lines, 'new\none two\nthree four')), [[null], [1, null], [null, null]]);
});

test('a line with one time shares it out by the letters', () => {
  const lines = tapped(tapped(linesOf('aa bbbbbb\nc'), 0, 1), 2, 3);
  assert.deepEqual(complete(lines)[0], [
    { text: 'aa ', start: 1, end: 1.5 },
    { text: 'bbbbbb', start: 1.5, end: 3 },
  ]);
});

test('dragging moves what touches along, and passes nobody', () => {
  let lines = linesOf('a b c');
  for (const [i, time] of [1, 2, 3, 4].entries()) lines = i < 3 ? tapped(lines, i, time) : ended(lines, 3, time);
  const later = dragged(lines, { line: 0, syllable: 1 }, 'start', 0.5);
  assert.deepEqual([later[0]![0]!.end, later[0]![1]!.start], [2.5, 2.5]);
  const far = dragged(lines, { line: 0, syllable: 1 }, 'both', 9);
  assert.deepEqual([far[0]![1]!.start, far[0]![1]!.end, far[0]![2]!.start], [3, 4, 4]);
  assert.deepEqual(starts(shifted(lines, -1.5)), [[0, 0.5, 1.5]]);
});

test('the preview shows the line that is sung or comes next', () => {
  const lines = complete(tapped(tapped(linesOf('a\nb'), 0, 1), 1, 5));
  assert.deepEqual([0, 2, 4, 9].map((time) => shownAt(lines, time)), [0, 0, 0, 1]);
});

test('files have what was tapped', () => {
  let lines = linesOf('Hal|lo\nyou');
  lines = tapped(lines, 0, 61.5);
  lines = tapped(lines, 1, 62);
  lines = ended(lines, 2, 62.75);
  lines = ended(tapped(lines, 2, 64), 3, 65);
  const song = { title: 'Song ]x', artist: '', lines };
  assert.equal(
    lrc(song),
    '[ti:Song )x]\n[01:01.50]<01:01.50>Hal<01:02.00>lo<01:02.75>\n[01:04.00]<01:04.00>you<01:05.00>\n',
  );
  assert.equal(
    ultrastar(song),
    '#TITLE:Song ]x\n#BPM:1500\n#GAP:0\nF 6150 50 0 Hal\nF 6200 75 0 lo\n- 6275\nF 6400 100 0 you\nE\n',
  );
});
