/** What is heard in the mixer as the options of a remix. */

import { audible, type RowSettings } from '../audio/levels.ts';

export interface RemixOptions {
  gain: Record<string, number>;
  pan: Record<string, number>;
  /** all stems that are heard: whatever else the recording has is left out, as in the mixer */
  solo: string[];
}

export function remixOptions(rows: Record<string, RowSettings>): RemixOptions {
  const solo = audible(rows);
  const changed = (of: 'gain' | 'pan') =>
    Object.fromEntries(solo.filter((name) => rows[name]![of] !== 0).map((name) => [name, rows[name]![of]]));
  return { gain: changed('gain'), pan: changed('pan'), solo };
}
