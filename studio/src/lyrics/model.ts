/** Lyrics as lines of syllables with times in seconds; all of it pure. */

export interface Syllable {
  /** with the space behind it at the end of a word */
  text: string;
  start: number | null;
  end: number | null;
}

export type Line = Syllable[];

export interface Song {
  title: string;
  artist: string;
  lines: Line[];
}

/** Where in a song a syllable is. */
export interface Place {
  line: number;
  syllable: number;
}

/** A line of text for each line of the song; `|` parts a word into syllables. Lines in `[]` are left out. */
export function linesOf(text: string): Line[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^\[.*\]$/.test(line))
    .map((line) =>
      line.split(/\s+/).flatMap((word, place, words) => {
        const parts = word.split('|').filter(Boolean);
        return parts.map((part, i) => ({
          text: i === parts.length - 1 && place < words.length - 1 ? `${part} ` : part,
          start: null,
          end: null,
        }));
      }),
    )
    .filter((line) => line.length > 0);
}

/** The text that gives these lines again. */
export const textOf = (lines: Line[]): string =>
  lines
    .map((line) =>
      line.map(({ text }, i) => (i < line.length - 1 && !text.endsWith(' ') ? `${text}|` : text)).join(''),
    )
    .join('\n');

/** Another text; times stay with the lines that are as they were. */
export function withText(lines: Line[], text: string): Line[] {
  const known = new Map(lines.map((line) => [textOf([line]), line]));
  return linesOf(text).map((line) => known.get(textOf([line])) ?? line);
}

export const places = (lines: Line[]): Place[] =>
  lines.flatMap((line, number) => line.map((_, syllable) => ({ line: number, syllable })));

export const at = (lines: Line[], place: Place | undefined): Syllable | undefined =>
  place && lines[place.line]?.[place.syllable];

function changed(lines: Line[], place: Place, values: Partial<Syllable>): Line[] {
  return lines.map((line, number) =>
    number === place.line
      ? line.map((one, i) => (i === place.syllable ? { ...one, ...values } : one))
      : line,
  );
}

/** Syllable number `next` starts at `time`; the one before it ends there, unless its end was tapped. */
export function tapped(lines: Line[], next: number, time: number): Line[] {
  const all = places(lines);
  const place = all[next];
  if (!place) return lines;
  const before = all[next - 1];
  const previous = at(lines, before);
  let result = lines;
  if (before && previous && previous.start !== null && previous.end === null) {
    result = changed(result, before, { end: Math.max(previous.start, time) });
  }
  return changed(result, place, { start: time, end: null });
}

/** The syllable before number `next` ends at `time`: a pause begins. */
export function ended(lines: Line[], next: number, time: number): Line[] {
  const place = places(lines)[next - 1];
  const syllable = at(lines, place);
  if (!place || !syllable || syllable.start === null) return lines;
  return changed(lines, place, { end: Math.max(syllable.start, time) });
}

/** Takes the last tap back. */
export function untapped(lines: Line[], next: number): Line[] {
  const all = places(lines);
  const place = all[next];
  if (!place) return lines;
  const cleared = changed(lines, place, { start: null, end: null });
  const before = all[next - 1];
  const touched = before && at(lines, before)!.end === at(lines, place)!.start;
  return touched ? changed(cleared, before, { end: null }) : cleared;
}

/** Moves a syllable, or one of its ends; a neighbour that it touches goes along, and none is passed. */
export function dragged(lines: Line[], place: Place, edge: 'start' | 'end' | 'both', by: number): Line[] {
  const all = places(lines);
  const number = all.findIndex((one) => one.line === place.line && one.syllable === place.syllable);
  const one = at(lines, place);
  if (!one || one.start === null || one.end === null) return lines;
  const previous = at(lines, all[number - 1]);
  const next = at(lines, all[number + 1]);
  const touchesPrevious = previous?.end === one.start && previous.start !== null;
  const touchesNext = next?.start === one.end && next.end !== null;
  const low = touchesPrevious ? previous.start! : (previous?.end ?? previous?.start ?? 0);
  const high = touchesNext ? next.end! : (next?.start ?? Infinity);
  const length = one.end - one.start;
  let { start, end } = one;
  if (edge === 'start') start = Math.min(Math.max(start + by, low), end);
  else if (edge === 'end') end = Math.max(Math.min(end + by, high), start);
  else {
    start = Math.max(low, Math.min(start + by, high - length));
    end = start + length;
  }
  let result = changed(lines, place, { start, end });
  if (touchesPrevious) result = changed(result, all[number - 1]!, { end: start });
  if (touchesNext) result = changed(result, all[number + 1]!, { start: end });
  return result;
}

/** Everything `by` seconds later, or earlier, but for what would begin before the song. */
export const shifted = (lines: Line[], by: number): Line[] =>
  lines.map((line) =>
    line.map((one) => ({
      ...one,
      start: one.start === null ? null : Math.max(0, one.start + by),
      end: one.end === null ? null : Math.max(0, one.end + by),
    })),
  );

/** The number of the first syllable without a time. */
export function firstUntimed(lines: Line[]): number {
  const all = places(lines);
  const found = all.findIndex((place) => at(lines, place)!.start === null);
  return found < 0 ? all.length : found;
}

const LONGEST_S = 2;

/**
 * Times for all syllables, for a file. A line of which only the first syllable has a time (tapped line by line) is shared
 * out by the length of its syllables; an end that nobody tapped is the next start, or two seconds later. Lines without any
 * time are left out.
 */
export function complete(lines: Line[]): Line[] {
  const timed = lines.filter((line) => line[0]?.start != null);
  return timed.map((line, number) => {
    const after = timed[number + 1]?.[0]?.start ?? Infinity;
    const last = line.at(-1)!.end;
    const first = line[0]!.start!;
    const stop = last ?? Math.min(after, first + Math.max(LONGEST_S, 0.4 * line.length));
    return filled(line, Math.max(stop, first));
  });
}

/** Syllables between two that have times share what lies between, by the number of their letters. */
function filled(line: Line, stop: number): Line {
  const starts = line.map(({ start }) => start);
  const weights = line.map(({ text }) => Math.max(1, text.trim().length));
  let i = 0;
  while (i < line.length) {
    let next = i + 1;
    while (next < line.length && starts[next] === null) next++;
    const from = starts[i]!;
    const to = Math.max(from, starts[next] ?? stop);
    const total = weights.slice(i, next).reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    for (let k = i; k < next; k++) {
      starts[k] = from + ((to - from) * sum) / total;
      sum += weights[k]!;
    }
    i = next;
  }
  return line.map((one, k) => {
    const start = starts[k]!;
    const next = starts[k + 1] ?? stop;
    const end = one.end ?? next;
    return { text: one.text, start, end: Math.max(start, Math.min(end, next)) };
  });
}
