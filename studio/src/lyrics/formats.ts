/** Timed lyrics as files: LRC with the times of words, and UltraStar. docs/lyrics.md describes both. */

import { complete, type Song } from './model.ts';

const two = (value: number) => String(value).padStart(2, '0');

function stamp(seconds: number): string {
  const hundredths = Math.round(100 * seconds);
  const minutes = Math.floor(hundredths / 6000);
  const rest = hundredths % 6000;
  return `${two(minutes)}:${two(Math.floor(rest / 100))}.${two(rest % 100)}`;
}

/** One line, without what would end a header. */
const cleaned = (text: string) => text.replace(/\s+/g, ' ').trim();

/** A bracket in a text, and a word joiner that keeps it from being read as a stamp. */
const guarded = (text: string) => text.replace(/[<[](?=\d)/g, '$&\u2060');

export function lrc(song: Song): string {
  const tags = [
    ['ti', song.title],
    ['ar', song.artist],
  ]
    .filter(([, value]) => cleaned(value!) !== '')
    .map(([name, value]) => `[${name}:${cleaned(value!).replaceAll(']', ')')}]\n`);
  const lines = complete(song.lines).map((line) => {
    const words = line.map((one, i) => {
      const next = line[i + 1];
      const pause = next === undefined || stamp(one.end!) !== stamp(next.start!);
      return `<${stamp(one.start!)}>${guarded(one.text)}${pause ? `<${stamp(one.end!)}>` : ''}`;
    });
    return `[${stamp(line[0]!.start!)}]${words.join('')}\n`;
  });
  return tags.join('') + lines.join('');
}

/** Beats of 10 ms, so that times are kept. Syllables have no pitch and are freestyle notes. */
const BPM = 1500;
const BEATS_A_SECOND = (4 * BPM) / 60;

export function ultrastar(song: Song): string {
  const lines = complete(song.lines);
  const beat = (seconds: number) => Math.round(seconds * BEATS_A_SECOND);
  const headers = [
    ['TITLE', song.title],
    ['ARTIST', song.artist],
  ]
    .filter(([, value]) => cleaned(value!) !== '')
    .map(([name, value]) => `#${name}:${cleaned(value!)}\n`);
  const body = lines.map((line, number) => {
    const notes = line.map((one, i) => {
      const start = beat(one.start!);
      const length = Math.max(1, beat(one.end!) - start);
      const space = line[i - 1]?.text.endsWith(' ') ? ' ' : '';
      return `F ${start} ${length} 0 ${space}${one.text.trim() || '~'}\n`;
    });
    const next = lines[number + 1];
    const end = beat(line.at(-1)!.end!);
    return notes.join('') + (next ? `- ${Math.min(end, beat(next[0]!.start!))}\n` : '');
  });
  return `${headers.join('')}#BPM:${BPM}\n#GAP:0\n${body.join('')}E\n`;
}

/** The line that is sung at a time or comes next, and the one behind it, for a preview. */
export function shownAt(lines: Song['lines'], time: number): number {
  const next = lines.findIndex((line) => (line.at(-1)!.end ?? 0) > time);
  return next < 0 ? Math.max(0, lines.length - 1) : next;
}
