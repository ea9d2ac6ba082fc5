/** What a row of the mixer is set to, and the factors that this means for its two channels. */

export interface RowSettings {
  /** in dB; `SILENT_DB` and below is silence */
  gain: number;
  /** from -1, left, to 1, right */
  pan: number;
  mute: boolean;
  solo: boolean;
}

export interface Factors {
  left: number;
  right: number;
}

export const SILENT_DB = -60;
export const LOUDEST_DB = 12;
export const NEUTRAL: RowSettings = { gain: 0, pan: 0, mute: false, solo: false };

export const fromDb = (db: number): number => (db <= SILENT_DB ? 0 : 10 ** (db / 20));

export const toDb = (factor: number): number => (factor > 0 ? 20 * Math.log10(factor) : -Infinity);

/** The rows that are heard: those with solo if there are any, less those with mute. */
export function audible(rows: Record<string, RowSettings>): string[] {
  const soloed = Object.values(rows).some((row) => row.solo);
  return Object.keys(rows).filter((name) => {
    const row = rows[name]!;
    return !row.mute && (row.solo || !soloed) && row.gain > SILENT_DB;
  });
}

/**
 * Left and right are multiplied by √2 cos θ and √2 sin θ, θ = (pan + 1) · 45°, as `unweave remix` does.
 * In the middle both are exactly the gain, so that an untouched row keeps its samples.
 */
export function factors(row: RowSettings, heard: boolean): Factors {
  if (!heard) return { left: 0, right: 0 };
  const gain = fromDb(row.gain);
  if (row.pan === 0) return { left: gain, right: gain };
  const angle = ((row.pan + 1) * Math.PI) / 4;
  return { left: gain * Math.SQRT2 * Math.cos(angle), right: gain * Math.SQRT2 * Math.sin(angle) };
}
