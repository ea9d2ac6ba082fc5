/**
 * Which frames of the song are played in which order.
 *
 * The queue counts frames from the start of the player, the song from its own beginning. A span says from which
 * frame of the queue on the song is played from which frame of its own; a loop or a jump begins a new span.
 */

export interface Loop {
  /** frames of the song; `end` is the first that is not played */
  start: number;
  end: number;
}

export interface Span {
  index: number;
  position: number;
}

export interface Piece {
  start: number;
  count: number;
  /** the frame of the song that follows the piece; null at the end of the song */
  next: number | null;
}

/** The next frames from `position` on, `most` at the most. A piece never reaches over the end of the loop. */
export function nextPiece(
  position: number,
  loop: Loop | null,
  length: number,
  most: number,
): Piece | null {
  if (position >= length) return null;
  const looping = loop !== null && loop.end > loop.start && position < loop.end;
  const end = looping ? Math.min(loop.end, length) : length;
  const count = Math.min(most, end - position);
  const after = position + count;
  if (after < end) return { start: position, count, next: after };
  return { start: position, count, next: looping ? loop.start : null };
}

/** The frame of the song that is heard at frame `index` of the queue. */
export function positionAt(spans: Span[], index: number): number {
  let found = spans[0] ?? { index: 0, position: 0 };
  for (const span of spans) {
    if (span.index > index) break;
    found = span;
  }
  return found.position + Math.max(0, index - found.index);
}

/** Adds a span unless the song just goes on there. Spans that were heard before `heard` are dropped. */
export function withSpan(spans: Span[], span: Span, heard: number): Span[] {
  const kept = spans.filter((old) => old.index < span.index);
  if (kept.length > 0 && positionAt(kept, span.index) === span.position) return kept;
  const all = [...kept, span];
  const first = all.findLastIndex((old) => old.index <= heard);
  return all.slice(Math.max(0, first));
}

/** The marks in order, within the song and some frames apart; null where they are too near to each other. */
export function loopOf(a: number, b: number, length: number, least: number): Loop | null {
  const start = Math.max(0, Math.round(Math.min(a, b)));
  const end = Math.min(length, Math.round(Math.max(a, b)));
  return end - start >= least ? { start, end } : null;
}
