/** Tapping along: each tap starts the next syllable, or the next line. */

import { useEffect, useRef } from 'preact/hooks';

import { seconds, type Session } from '../mixer/session.ts';
import { number, t } from '../texts.ts';
import { at, ended, firstUntimed, places, shifted, tapped, untapped, type Place } from './model.ts';
import { change, type Editing } from './session.ts';

const BACK_S = 2;
const TYPING = 'input:not([type=range]), textarea, select, dialog *';

const now = (session: Session): number => seconds(session, session.player.position());

export function tap(session: Session, editing: Editing): void {
  const { song, next, byLine } = editing;
  change(editing, { ...song.value, lines: tapped(song.value.lines, next.value, now(session)) });
  const all = places(song.value.lines);
  const line = all[next.value]?.line;
  next.value++;
  while (byLine.value && all[next.value]?.line === line) next.value++;
}

function pause(session: Session, editing: Editing): void {
  const { song, next } = editing;
  change(editing, { ...song.value, lines: ended(song.value.lines, next.value, now(session)) });
}

function back(session: Session, editing: Editing): void {
  const { song, next, byLine } = editing;
  const all = places(song.value.lines);
  if (next.value === 0) return;
  next.value--;
  while (byLine.value && next.value > 0 && all[next.value]!.syllable > 0) next.value--;
  const time = at(song.value.lines, all[next.value])?.start;
  change(editing, { ...song.value, lines: untapped(song.value.lines, next.value) });
  if (time != null) session.player.seek((time - BACK_S) * session.player.rate);
}

/** Whether the key was one of the editor's. */
export function tapKey(event: KeyboardEvent, session: Session, editing: Editing): boolean {
  const target = event.target as Element;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return false;
  if (target.matches?.(TYPING) || document.querySelector('dialog[open]')) return false;
  if (event.key === 'Enter' && target.matches?.('button, a, summary')) return false;
  if (event.key === 'Enter' || event.key === 't') tap(session, editing);
  else if (event.key === 'p') pause(session, editing);
  else if (event.key === 'Backspace' && !target.matches?.('[role=slider]')) back(session, editing);
  else return false;
  event.preventDefault();
  return true;
}

export function Taps({ session, editing }: { session: Session; editing: Editing }) {
  const { song, next, byLine } = editing;
  const lines = song.value.lines;
  const all = places(lines);
  const here = all[next.value];
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const row = list.current?.querySelector<HTMLElement>('.next');
    if (row && list.current) list.current.scrollTop = row.offsetTop - list.current.clientHeight / 3;
  }, [here?.line]);
  const shift = (by: number) => change(editing, { ...song.value, lines: shifted(lines, by) });
  return (
    <section class="taps" aria-label={t('lyrics.taps')}>
      <div class="buttons">
        <button
          class="primary tap"
          disabled={!here}
          onPointerDown={(event) => {
            event.preventDefault();
            tap(session, editing);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            event.stopPropagation();
            if (!event.repeat) tap(session, editing);
          }}
        >
          {t('lyrics.tap')} <kbd>Enter</kbd>
        </button>
        <button onClick={() => pause(session, editing)} disabled={next.value === 0}>
          {t('lyrics.pause')} <kbd>P</kbd>
        </button>
        <button onClick={() => back(session, editing)} disabled={next.value === 0}>
          {t('lyrics.untap')} <kbd>⌫</kbd>
        </button>
      </div>
      <div class="buttons">
        <label class="check">
          <input
            type="checkbox"
            checked={byLine.value}
            onChange={(event) => (byLine.value = event.currentTarget.checked)}
          />
          {t('lyrics.byLine')}
        </label>
        <span class="grow" />
        <button onClick={() => shift(-0.05)} title={t('lyrics.earlier')}>
          −{number(0.05, 2)} s<span class="hidden"> {t('lyrics.earlier')}</span>
        </button>
        <button onClick={() => shift(0.05)} title={t('lyrics.later.all')}>
          +{number(0.05, 2)} s<span class="hidden"> {t('lyrics.later.all')}</span>
        </button>
      </div>
      {lines.length === 0 ? (
        <p class="faint">{t('lyrics.empty')}</p>
      ) : (
        <ol class="tap-lines" ref={list} dir="auto">
          {lines.map((line, i) => (
            <li key={i} class={here?.line === i ? 'next' : undefined}>
              {line.map((syllable, k) => (
                <TapWord
                  key={k}
                  editing={editing}
                  place={{ line: i, syllable: k }}
                  text={syllable.text}
                  state={here?.line === i && here.syllable === k ? 'now' : syllable.start === null ? '' : 'timed'}
                />
              ))}
            </li>
          ))}
        </ol>
      )}
      <p class="hidden" role="status">
        {here ? '' : lines.length > 0 && firstUntimed(lines) === all.length ? t('lyrics.all') : ''}
      </p>
    </section>
  );
}

/** A click goes on tapping from there. */
function TapWord({
  editing,
  place,
  text,
  state,
}: {
  editing: Editing;
  place: Place;
  text: string;
  state: string;
}) {
  const choose = () => {
    editing.next.value = places(editing.song.value.lines).findIndex(
      (one) => one.line === place.line && one.syllable === place.syllable,
    );
  };
  return (
    <button class={`word ${state}`} onClick={choose} title={t('lyrics.from')}>
      {text}
    </button>
  );
}
