/** Times, and the two marks of the loop. Dragging across it makes a loop. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { t } from '../texts.ts';
import { clock } from '../ui/words.ts';
import { useFrames } from './frames.ts';
import { LoopBand, Playhead } from './Lane.tsx';
import { frameAt, pointerSeek } from './pointer.ts';
import { seconds, type Session } from './session.ts';
import { ticks, tickStep } from './view.ts';

const TICK_PX = 90;
const DRAG_PX = 5;

export function Timeline({ session }: { session: Session }) {
  const { view, width, player } = session;
  const from = useRef<{ x: number; frame: number } | null>(null);
  const dragged = useRef(false);
  const { onWheel } = pointerSeek(session);
  const times = ticks(view.value, player.rate, width.value, TICK_PX);
  const step = tickStep((TICK_PX * view.value.count) / player.rate / Math.max(width.value, 1));
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  const left = (frame: number) => `${(100 * (frame - view.value.start)) / view.value.count}%`;
  return (
    <div
      class="timeline"
      onWheel={onWheel}
      onPointerDown={(event) => {
        if ((event.target as HTMLElement).closest('.mark')) return;
        from.current = { x: event.clientX, frame: frameAt(event, session) };
        dragged.current = false;
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const start = from.current;
        if (!start || (!dragged.current && Math.abs(event.clientX - start.x) < DRAG_PX)) return;
        dragged.current = true;
        const frame = frameAt(event, session);
        player.marks.value = [Math.min(start.frame, frame), Math.max(start.frame, frame)];
      }}
      onPointerUp={(event) => {
        if (!from.current) return;
        if (dragged.current) player.looping.value = true;
        else player.seek(frameAt(event, session));
        from.current = null;
      }}
    >
      {times.map((time) => (
        <span class="tick" style={{ left: left(time * player.rate) }} key={time}>
          {clock(time, digits)}
        </span>
      ))}
      <LoopBand session={session} />
      <Mark session={session} which={0} />
      <Mark session={session} which={1} />
      <Playhead session={session} />
      <PlaceSlider session={session} />
    </div>
  );
}

/** A mark is a slider: dragged, or moved by arrow keys. */
function Mark({ session, which }: { session: Session; which: 0 | 1 }) {
  const { player, view } = session;
  const frame = player.marks.value[which];
  if (frame === null) return null;
  const { start, count } = view.value;
  const place = (100 * (frame - start)) / count;
  if (place < 0 || place > 100) return null;
  const to = (next: number) => player.setMark(which, Math.max(0, Math.min(player.length, next)));
  return (
    <div
      class="mark"
      role="slider"
      tabIndex={0}
      aria-label={t(which === 0 ? 'mark.a' : 'mark.b')}
      aria-valuemin={0}
      aria-valuemax={Math.round(seconds(session, player.length))}
      aria-valuenow={seconds(session, frame)}
      aria-valuetext={clock(seconds(session, frame), 3)}
      style={{ left: `clamp(9px, ${place}%, 100% - 9px)` }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        const box = event.currentTarget.parentElement!.getBoundingClientRect();
        to(start + ((event.clientX - box.left) / box.width) * count);
      }}
      onKeyDown={(event) => {
        const step = Math.max(1, Math.round(count / 500)) * (event.shiftKey ? 10 : 1);
        if (event.key === 'ArrowLeft') to(frame - step);
        else if (event.key === 'ArrowRight') to(frame + step);
        else if (event.key === 'Delete' || event.key === 'Backspace') player.setMark(which, null);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {which === 0 ? 'A' : 'B'}
    </div>
  );
}

/** The place in the song for keys and screen readers. It is told once a second. */
function PlaceSlider({ session }: { session: Session }) {
  const { player } = session;
  const second = useSignal(0);
  useFrames(() => {
    const now = Math.floor(seconds(session, player.position()));
    if (now !== second.value) second.value = now;
  }, [session]);
  const step = (factor: number) => player.seek(player.position() + factor * player.rate);
  return (
    <div
      class="place-slider"
      role="slider"
      tabIndex={0}
      aria-label={t('place')}
      aria-valuemin={0}
      aria-valuemax={Math.floor(seconds(session, player.length))}
      aria-valuenow={second.value}
      aria-valuetext={t('place.of', {
        place: clock(second.value),
        length: clock(seconds(session, player.length)),
      })}
      onKeyDown={(event) => {
        const moves: Record<string, number> = { ArrowUp: 1, ArrowDown: -1, PageUp: 30, PageDown: -30 };
        const move = moves[event.key];
        if (move === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        step(move);
      }}
    />
  );
}
