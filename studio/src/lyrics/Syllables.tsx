/** The timed syllables as boxes under the waveform: dragged as a whole or by an end, or moved by arrow keys. */

import { useRef } from 'preact/hooks';

import type { Session } from '../mixer/session.ts';
import { t } from '../texts.ts';
import { clock } from '../ui/words.ts';
import { at, dragged, places, type Line, type Place } from './model.ts';
import { change, type Editing } from './session.ts';

type Edge = 'start' | 'end' | 'both';

export function Syllables({ session, editing }: { session: Session; editing: Editing }) {
  const { view, player } = session;
  const lines = editing.song.value.lines;
  const from = view.value.start / player.rate;
  const length = view.value.count / player.rate;
  const drag = useRef<{ place: Place; edge: Edge; x: number; lines: Line[]; width: number } | null>(null);
  const all = places(lines);
  const shown = all.filter((place) => {
    const one = at(lines, place)!;
    return one.start !== null && one.start < from + length && (one.end ?? one.start + 0.2) > from;
  });
  const move = (event: PointerEvent) => {
    const held = drag.current;
    if (!held) return;
    const by = ((event.clientX - held.x) / held.width) * length;
    editing.song.value = { ...editing.song.value, lines: dragged(held.lines, held.place, held.edge, by) };
  };
  return (
    <div
      class="syllables"
      onPointerMove={move}
      onPointerUp={() => (drag.current = null)}
      onPointerCancel={() => (drag.current = null)}
    >
      {shown.map((place) => {
        const one = at(lines, place)!;
        const end = one.end ?? one.start! + 0.2;
        const hold = (event: PointerEvent) => {
          const target = event.target as HTMLElement;
          const box = event.currentTarget as HTMLElement;
          const edge = (target.dataset.edge as Edge | undefined) ?? 'both';
          change(editing, editing.song.value);
          drag.current = { place, edge, x: event.clientX, lines, width: box.parentElement!.clientWidth };
          box.setPointerCapture(event.pointerId);
        };
        const press = (event: KeyboardEvent) => {
          const step = event.shiftKey ? 0.05 : 0.01;
          const by = event.key === 'ArrowLeft' ? -step : event.key === 'ArrowRight' ? step : 0;
          if (by === 0) return;
          event.preventDefault();
          event.stopPropagation();
          change(editing, { ...editing.song.value, lines: dragged(lines, place, 'both', by) });
        };
        return (
          <div
            key={`${place.line} ${place.syllable}`}
            class={one.end === null ? 'syllable open' : 'syllable'}
            role="slider"
            tabIndex={0}
            aria-label={t('lyrics.syllable', { text: one.text.trim() })}
            aria-valuemin={0}
            aria-valuemax={player.length / player.rate}
            aria-valuenow={one.start!}
            aria-valuetext={clock(one.start!, 2)}
            style={{
              left: `${(100 * (one.start! - from)) / length}%`,
              width: `${(100 * (end - one.start!)) / length}%`,
            }}
            onPointerDown={hold}
            onKeyDown={press}
          >
            <span data-edge="start" />
            <bdi>{one.text}</bdi>
            <span data-edge="end" />
          </div>
        );
      })}
    </div>
  );
}
