/** A row's picture of the part in view: waveform, spectrogram or both, the loop, and where the player is. */

import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import * as api from '../api/client.ts';
import { MIX } from '../audio/player.ts';
import { onColours } from '../ui/theme.ts';
import { useFrames } from './frames.ts';
import { pointerSeek } from './pointer.ts';
import { available, type Session } from './session.ts';
import { tiles } from './view.ts';
import { waveform, type Waveform } from './waveform.ts';

const MOST_TILES = 40;
/** frames behind a tile that its last columns need */
const WINDOW = 4096;

export function Lane({ session, row, place }: { session: Session; row: string; place?: number }) {
  const { show, player } = session;
  const hue = place === undefined ? 'hue-mix' : `hue-${place % 8}`;
  const unheard =
    place === undefined ? !player.compare.value : player.compare.value || !player.heard.value.has(row);
  return (
    <div
      class={`lane ${hue} show-${show.value}${unheard ? ' unheard' : ''}`}
      {...pointerSeek(session)}
    >
      {show.value !== 'wave' && <Spectrogram session={session} row={row} />}
      {show.value !== 'spectrum' && <Wave session={session} row={row} />}
      <LoopBand session={session} />
      <Playhead session={session} />
    </div>
  );
}

function Wave({ session, row }: { session: Session; row: string }) {
  const element = useRef<HTMLDivElement>(null);
  const wave = useRef<Waveform | null>(null);
  const asked = useRef('');
  useEffect(() => {
    const colour = () => getComputedStyle(element.current!).color;
    const made = waveform(element.current!, colour());
    wave.current = made;
    const stop = onColours(() => made.colour(colour()));
    return () => {
      stop();
      made.close();
      wave.current = null;
    };
  }, [session, row]);
  useSignalEffect(() => {
    const { start, count } = session.view.value;
    const width = session.width.value;
    const there = Math.min(count, stepOf(session, row) - start);
    if (width === 0 || there <= 0) return undefined;
    const key = `${start} ${count} ${width} ${there}`;
    if (key === asked.current) return undefined;
    const abort = new AbortController();
    const fetchPeaks = async () => {
      const bins = Math.max(1, Math.min(there, Math.round((width * there) / count)));
      try {
        const { value, wait } = await api.peaks(session.player.id, row, start, there, bins, abort.signal);
        if (abort.signal.aborted) return;
        if (value === null) {
          timer = setTimeout(fetchPeaks, wait);
          return;
        }
        asked.current = key;
        wave.current?.draw(value, there / count);
      } catch {
        // the line of the player tells what is wrong with the service; a waveform may stay as it is
      }
    };
    let timer = setTimeout(fetchPeaks, 40);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  return <div class="wave" ref={element} aria-hidden="true" />;
}

/** What can be drawn. The recording itself is decoded for it only when the separation does not need the processor. */
const pictured = (session: Session, row: string): number =>
  row === MIX && session.job.value.state !== 'done' ? 0 : available(session);

/** What is there, in steps, so that a running job does not draw all rows anew at each word of it. */
function stepOf(session: Session, row: string): number {
  const there = pictured(session, row);
  if (there >= session.player.length) return there;
  const step = Math.max(session.player.rate, Math.round(session.player.length / 40));
  return Math.floor(there / step) * step || there;
}

function Spectrogram({ session, row }: { session: Session; row: string }) {
  const { start, count } = session.view.value;
  const width = session.width.value;
  const there = pictured(session, row);
  const shown = tiles(session.view.value, width);
  if (width === 0 || shown.length > MOST_TILES) return <div class="spectrum" />;
  return (
    <div class="spectrum" aria-hidden="true">
      {shown
        .filter((tile) => there === session.player.length || tile.start + tile.count + WINDOW <= there)
        .map((tile) => (
          <img
            key={`${tile.zoom} ${tile.number}`}
            src={api.tileAddress(session.player.id, row, tile.zoom, tile.number)}
            alt=""
            draggable={false}
            style={{
              left: `${((tile.start - start) / count) * width}px`,
              width: `${(tile.count / count) * width}px`,
            }}
          />
        ))}
    </div>
  );
}

export function LoopBand({ session }: { session: Session }) {
  const { view, player } = session;
  const loop = player.loop.value;
  if (!loop) return null;
  const { start, count } = view.value;
  return (
    <div
      class={player.looping.value ? 'band on' : 'band'}
      style={{
        left: `${(100 * (loop.start - start)) / count}%`,
        width: `${(100 * (loop.end - loop.start)) / count}%`,
      }}
    />
  );
}

export function Playhead({ session }: { session: Session }) {
  const line = useRef<HTMLDivElement>(null);
  const drawn = useRef(NaN);
  useFrames(() => {
    const { start, count } = session.view.value;
    const x = ((session.player.position() - start) / count) * session.width.value;
    const place = Math.round(2 * x) / 2;
    if (place === drawn.current || !line.current) return;
    drawn.current = place;
    line.current.hidden = place < 0 || place > session.width.value;
    line.current.style.transform = `translateX(${place}px)`;
  }, [session]);
  return <div class="playhead" ref={line} />;
}
