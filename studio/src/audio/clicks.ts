/** The clicks of a count-in: short tones that die away, the first of a bar higher. */

export interface CountIn {
  beats: number;
  bpm: number;
}

const ACCENT_HZ = 1568;
const BEAT_HZ = 1047;
const DECAY_S = 0.012;

export const countInFrames = (count: CountIn, rate: number): number =>
  Math.round((count.beats * 60 * rate) / count.bpm);

/** The sample `frame` frames after the start of the count-in. */
export function click(frame: number, count: CountIn, rate: number): number {
  const beat = (60 * rate) / count.bpm;
  const number = Math.floor(frame / beat);
  const time = (frame - number * beat) / rate;
  const hz = number === 0 ? ACCENT_HZ : BEAT_HZ;
  return 0.5 * Math.sin(2 * Math.PI * hz * time) * Math.exp(-time / DECAY_S);
}
