/** Which part of the song the lanes show, in frames. */

export interface View {
  start: number;
  count: number;
}

const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(value, high));

/** Within the song, and not so near that there is nothing to draw. */
export function fitted(view: View, length: number): View {
  const count = clamp(Math.round(view.count), Math.min(256, length), length);
  return { start: clamp(Math.round(view.start), 0, length - count), count };
}

/** `factor` below 1 shows less; the frame `anchor` stays where it is. */
export function zoomed(view: View, factor: number, anchor: number, length: number): View {
  const count = fitted({ start: 0, count: view.count * factor }, length).count;
  const place = clamp((anchor - view.start) / view.count, 0, 1);
  return fitted({ start: anchor - place * count, count }, length);
}

/** The next page where `position` has left the view; the same view where it has not. */
export function following(view: View, position: number, length: number): View {
  if (position >= view.start && position < view.start + view.count) return view;
  return fitted({ start: position - 0.05 * view.count, count: view.count }, length);
}

/** A round distance in seconds for ticks that are at least `least` seconds apart. */
export function tickStep(least: number): number {
  const steps = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800,
  ];
  return steps.find((step) => step >= least) ?? 3600;
}

/** Times in seconds of the ticks in a view. */
export function ticks(view: View, rate: number, width: number, distance: number): number[] {
  const step = tickStep((distance * view.count) / rate / Math.max(width, 1));
  const first = Math.ceil(view.start / rate / step);
  const last = Math.floor((view.start + view.count) / rate / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

export interface Tile {
  zoom: number;
  number: number;
  /** frames of the song */
  start: number;
  count: number;
}

export const TILE_COLUMNS = 512;
const FRAMES_A_COLUMN = 1024;
const DEEPEST = 6;

/** The tiles of the spectrogram that a view of `width` pixels shows: a column for each pixel or somewhat more. */
export function tiles(view: View, width: number): Tile[] {
  const perPixel = view.count / Math.max(width, 1);
  const zoom = clamp(Math.ceil(Math.log2(FRAMES_A_COLUMN / perPixel)), 0, DEEPEST);
  const count = (TILE_COLUMNS * FRAMES_A_COLUMN) / 2 ** zoom;
  const first = Math.floor(view.start / count);
  const last = Math.floor((view.start + view.count - 1) / count);
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    zoom,
    number: first + i,
    start: (first + i) * count,
    count,
  }));
}
