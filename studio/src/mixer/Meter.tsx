/** Peak meters in dB. They fall slowly, so that short peaks are seen. */

import { useRef } from 'preact/hooks';

import { toDb } from '../audio/levels.ts';
import { number, t } from '../texts.ts';
import { useFrames } from './frames.ts';
import type { Session } from './session.ts';

const LOWEST_DB = -60;
const FALL_DB_PER_S = 36;

interface Props {
  session: Session;
  /** highest absolute value since the last report of the audio thread */
  peak: (session: Session) => number;
}

export function Meter({ session, peak }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  const level = useRef(LOWEST_DB);
  const time = useRef(0);
  const drawn = useRef(-1);
  useFrames(() => {
    const now = performance.now();
    const fall = (FALL_DB_PER_S * (now - time.current)) / 1000;
    time.current = now;
    const playing = session.player.state.value === 'playing';
    const heard = playing ? toDb(peak(session)) : LOWEST_DB;
    level.current = Math.max(heard, level.current - fall, LOWEST_DB);
    const part = Math.round(400 * Math.min(1, 1 - level.current / LOWEST_DB)) / 400;
    if (part === drawn.current || !bar.current) return;
    drawn.current = part;
    bar.current.style.transform = `scaleX(${part})`;
    bar.current.classList.toggle('over', level.current > 0);
  }, [session]);
  return (
    <div class="meter" aria-hidden="true">
      <div ref={bar} />
    </div>
  );
}

/** Both channels of what is heard, and the highest peak since the start or the last click on it. */
export function Output({ session }: { session: Session }) {
  const text = useRef<HTMLOutputElement>(null);
  const highest = useRef(0);
  const shown = useRef('');
  useFrames(() => {
    if (session.player.state.value === 'playing') {
      highest.current = Math.max(highest.current, ...session.player.sum);
    }
    const peak = toDb(highest.current);
    const line = peak > -100 ? t('db', { db: number(peak, 1) }) : '';
    if (line === shown.current || !text.current) return;
    shown.current = line;
    text.current.textContent = line;
    text.current.classList.toggle('over', peak > 0);
  }, [session]);
  return (
    <>
      <span>{t('output')}</span>
      <div class="meters hue-mix">
        <Meter session={session} peak={({ player }) => player.sum[0]} />
        <Meter session={session} peak={({ player }) => player.sum[1]} />
      </div>
      <output ref={text} aria-live="off" onClick={() => (highest.current = 0)} />
    </>
  );
}
