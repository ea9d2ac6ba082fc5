/** The keys of the mixer. They rest while something is typed or a dialog is open. */

import { LOUDEST_DB, SILENT_DB } from '../audio/levels.ts';
import type { Session } from './session.ts';
import { zoom } from './session.ts';

export interface Actions {
  help: () => void;
  openExport: () => void;
}

/** Keys as they are shown, and the text of what they do: the help sheet. */
export const KEYS = [
  ['Space', 'keys.play'],
  ['← →', 'keys.seek'],
  ['Shift ← →', 'keys.seekFar'],
  ['Home End', 'keys.ends'],
  ['[ ]', 'keys.marks'],
  ['L', 'keys.loop'],
  ['Esc', 'keys.noLoop'],
  ['C', 'keys.compare'],
  ['↑ ↓', 'keys.select'],
  ['M', 'keys.mute'],
  ['S', 'keys.solo'],
  ['1 – 9', 'keys.muteNumber'],
  ['Shift 1 – 9', 'keys.soloNumber'],
  [', .', 'keys.gain'],
  ['< >', 'keys.pan'],
  ['0', 'keys.reset'],
  ['+ −', 'keys.zoom'],
  ['Z', 'keys.zoomLoop'],
  ['F', 'keys.follow'],
  ['K J', 'keys.key'],
  ['E', 'keys.export'],
  ['?', 'keys.help'],
] as const;

const TYPING = 'input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea, dialog, dialog *';

const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value));

export function handleKey(event: KeyboardEvent, session: Session, actions: Actions): void {
  const target = event.target as Element;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (target.matches?.(TYPING)) return;
  const arrows = event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End';
  if (arrows && target.matches?.('input')) return;
  if ((event.key === ' ' || event.key === 'Enter') && target.matches?.('button, a, summary')) return;
  if (act(event, session, actions)) event.preventDefault();
}

function act(event: KeyboardEvent, session: Session, actions: Actions): boolean {
  const { player, selected, view } = session;
  const stem = selected.value;
  const row = player.rows.value[stem]!;
  const here = player.position();
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (digit) {
    const name = player.stems[Number(digit) - 1];
    const numbered = name ? player.rows.value[name] : undefined;
    if (!name || !numbered) return false;
    if (event.shiftKey) player.setRow(name, { solo: !numbered.solo });
    else player.setRow(name, { mute: !numbered.mute });
    return true;
  }
  switch (event.key) {
    case ' ':
      player.toggle();
      return true;
    case 'ArrowLeft':
      player.seek(here - (event.shiftKey ? 30 : 5) * player.rate);
      return true;
    case 'ArrowRight':
      player.seek(here + (event.shiftKey ? 30 : 5) * player.rate);
      return true;
    case 'Home':
      player.seek(0);
      return true;
    case 'End':
      player.seek(player.length);
      return true;
    case '[':
      player.setMark(0, here);
      return true;
    case ']':
      player.setMark(1, here);
      if (player.loop.value) player.looping.value = true;
      return true;
    case 'l':
      if (player.loop.value) player.looping.value = !player.looping.value;
      return true;
    case 'Escape':
      player.looping.value = false;
      player.marks.value = [null, null];
      return true;
    case 'c':
      player.setCompare(!player.compare.value);
      return true;
    case 'ArrowUp':
    case 'ArrowDown': {
      const place = player.stems.indexOf(stem) + (event.key === 'ArrowUp' ? -1 : 1);
      selected.value = player.stems[clamp(place, 0, player.stems.length - 1)]!;
      return true;
    }
    case 'm':
      player.setRow(stem, { mute: !row.mute });
      return true;
    case 's':
      player.setRow(stem, { solo: !row.solo });
      return true;
    case ',':
      player.setRow(stem, { gain: clamp(row.gain - 1, SILENT_DB, LOUDEST_DB) });
      return true;
    case '.':
      player.setRow(stem, { gain: clamp(row.gain + 1, SILENT_DB, LOUDEST_DB) });
      return true;
    case '<':
      player.setRow(stem, { pan: clamp(Math.round(20 * row.pan - 1) / 20, -1, 1) });
      return true;
    case '>':
      player.setRow(stem, { pan: clamp(Math.round(20 * row.pan + 1) / 20, -1, 1) });
      return true;
    case '0':
      player.setRow(stem, { gain: 0, pan: 0, mute: false, solo: false });
      return true;
    case '+':
    case '=':
      zoom(session, 0.5);
      return true;
    case '-':
      zoom(session, 2);
      return true;
    case 'z': {
      const loop = player.loop.value;
      const whole = view.value.count === player.length;
      view.value =
        loop && whole
          ? { start: loop.start, count: loop.end - loop.start }
          : { start: 0, count: player.length };
      return true;
    }
    case 'f':
      session.follow.value = !session.follow.value;
      return true;
    case 'k':
      player.semitones.value = clamp(player.semitones.value + 1, -12, 12);
      return true;
    case 'j':
      player.semitones.value = clamp(player.semitones.value - 1, -12, 12);
      return true;
    case 'e':
      if (session.job.value.state === 'done') actions.openExport();
      return true;
    case '?':
      actions.help();
      return true;
    default:
      return false;
  }
}
