/** The mixer: transport, timeline, a row for each stem, and the keys that work them. */

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { MIX } from '../audio/player.ts';
import { t } from '../texts.ts';
import { lineOf } from '../ui/errors.ts';
import { useFrames } from './frames.ts';
import { KeySheet } from './KeySheet.tsx';
import { handleKey } from './keys.ts';
import { Lane } from './Lane.tsx';
import { Output } from './Meter.tsx';
import { StemRow } from './StemRow.tsx';
import { drawWhenMoved, keepInView, type Session } from './session.ts';
import { Timeline } from './Timeline.tsx';
import { Transport } from './Transport.tsx';

export function Mixer({ session, openExport }: { session: Session; openExport: () => void }) {
  const { player } = session;
  const help = useSignal(false);
  const lanes = useRef<HTMLDivElement>(null);
  useFrames(() => keepInView(session), [session]);
  useSignalEffect(() => drawWhenMoved(session));
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      session.width.value = Math.round(entry!.contentRect.width);
    });
    observer.observe(lanes.current!.querySelector('.timeline')!);
    return () => observer.disconnect();
  }, [session]);
  useEffect(() => {
    const press = (event: KeyboardEvent) =>
      handleKey(event, session, { help: () => (help.value = true), openExport });
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [session]);
  return (
    <section class="mixer" aria-label={t('mixer')} onPointerUp={dropFocus}>
      <Transport session={session} openHelp={() => (help.value = true)} />
      <div class="lanes" ref={lanes} style={{ '--rows': player.stems.length + 1 }}>
        <div class="corner output">
          <Status session={session} />
          <Output session={session} />
        </div>
        <Timeline session={session} />
        {player.stems.map((stem, place) => (
          <StemRow key={stem} session={session} stem={stem} place={place} />
        ))}
        <div class={player.compare.value ? 'stem mix on' : 'stem mix'}>
          <div class="controls">
            <span class="stem-name">{t('mix')}</span>
            <span class="faint">{player.compare.value ? t('mix.heard') : t('mix.hint')}</span>
          </div>
        </div>
        <Lane session={session} row={MIX} />
        <div class="corner" />
        <Scrollbar session={session} />
      </div>
      {help.value && <KeySheet close={() => (help.value = false)} />}
    </section>
  );
}

/** After a click the keys are the mixer's again, not the button's. */
function dropFocus(event: PointerEvent): void {
  if (event.pointerType !== 'mouse') return;
  const focused = document.activeElement;
  if (focused instanceof HTMLButtonElement || (focused as HTMLInputElement)?.type === 'range') {
    setTimeout(() => (focused as HTMLElement).blur());
  }
}

function Status({ session }: { session: Session }) {
  const { player } = session;
  const line = useComputed(() => {
    if (player.problem.value !== null) return lineOf(player.problem.value);
    if (player.state.value === 'waiting' && player.late.value) {
      return session.job.value.state === 'done' ? t('late.loading') : t('late.separating');
    }
    return '';
  });
  return (
    <p class={player.problem.value !== null ? 'player-status bad' : 'player-status'} role="status">
      {line}
    </p>
  );
}

/** The browser's own scroll bar moves the view. */
function Scrollbar({ session }: { session: Session }) {
  const bar = useRef<HTMLDivElement>(null);
  const { view, player, width } = session;
  const inner = (width.value * player.length) / view.value.count;
  const wide = Math.min(inner, 4_000_000);
  const placed = useRef(0);
  useSignalEffect(() => {
    const { start, count } = view.value;
    const element = bar.current;
    if (!element) return;
    const room = element.scrollWidth - element.clientWidth;
    const place = Math.round((start / Math.max(1, player.length - count)) * room);
    placed.current = place;
    if (Math.abs(element.scrollLeft - place) > 1) element.scrollLeft = place;
  });
  const scroll = () => {
    const element = bar.current!;
    if (Math.abs(element.scrollLeft - placed.current) <= 1) return;
    const room = Math.max(1, element.scrollWidth - element.clientWidth);
    const { count } = view.value;
    session.follow.value = false;
    placed.current = element.scrollLeft;
    view.value = {
      start: Math.round((element.scrollLeft / room) * (player.length - count)),
      count,
    };
  };
  return (
    <div
      class={view.value.count < player.length ? 'scrollbar' : 'scrollbar whole'}
      ref={bar}
      onScroll={scroll}
      role="group"
      aria-label={t('view')}
      tabIndex={0}
    >
      <div style={{ width: `${wide}px` }} />
    </div>
  );
}
