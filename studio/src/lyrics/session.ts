/** The lyrics of one job while they are edited; kept in the browser from one visit to the next. */

import { effect, signal, type Signal } from '@preact/signals';

import { firstUntimed, type Place, type Song } from './model.ts';

export interface Editing {
  song: Signal<Song>;
  /** the number of the syllable that the next tap starts */
  next: Signal<number>;
  selected: Signal<Place | null>;
  undo: Signal<Song[]>;
  byLine: Signal<boolean>;
  stop: () => void;
}

const UNDOS = 100;

export function openLyrics(id: string, name: string): Editing {
  const key = `lyrics ${id}`;
  const empty: Song = { title: name.replace(/\.[^.]+$/, ''), artist: '', lines: [] };
  let kept = empty;
  try {
    kept = { ...empty, ...(JSON.parse(localStorage.getItem(key) ?? 'null') as Song | null) };
  } catch {
    // what is there is none of this page's
  }
  const song = signal(kept);
  return {
    song,
    next: signal(firstUntimed(kept.lines)),
    selected: signal(null),
    undo: signal([]),
    byLine: signal(false),
    stop: effect(() => localStorage.setItem(key, JSON.stringify(song.value))),
  };
}

export function change(editing: Editing, song: Song): void {
  editing.undo.value = [...editing.undo.value.slice(-UNDOS), editing.song.value];
  editing.song.value = song;
}

export function undo(editing: Editing): void {
  const last = editing.undo.value.at(-1);
  if (!last) return;
  editing.undo.value = editing.undo.value.slice(0, -1);
  editing.song.value = last;
  editing.next.value = firstUntimed(last.lines);
}
