/** A row's picture of the part in view: waveform, spectrogram or both, the loop, and where the player is. */

import { effect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';

import * as api from '../api/client.ts';
import { MIX } from '../audio/player.ts';
import { onColours } from '../ui/theme.ts';
import { useFrames } from './frames.ts';
import { Latest } from './latest.ts';
import { pointerSeek } from './pointer.ts';
import { available, type Session } from './session.ts';
import { tiles } from './view.ts';
import { waveform, type Waveform } from './waveform.ts';

const MOST_TILES = 40;
/** frames behind a tile that its last columns need */
const WINDOW = 4096;
const RETRY_MS = 1000;
/** a waveform that only grows is drawn anew as often */
const GROWS_MS = 1000;
const TRIES = 6;

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

/** A part of the song in frames, those of them that are `there`, and the pixels for all. */
interface Part {
  start: number;
  count: number;
  width: number;
  there: number;
}

function Wave({ session, row }: { session: Session; row: string }) {
  const element = useRef<HTMLDivElement>(null);
  const wave = useRef<Waveform | null>(null);
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
  useEffect(() => {
    let asked: Part | null = null;
    let at = 0;
    const peaks = new Latest(async ({ start, count, width, there }: Part) => {
      const bins = Math.max(1, Math.min(there, Math.round((width * there) / count)));
      try {
        const { value, wait } = await api.peaks(session.player.id, row, start, there, bins);
        if (value) wave.current?.draw(value, there / count);
        return wait;
      } catch (problem) {
        return api.isFinal(problem) ? 0 : RETRY_MS;
      }
    });
    const stop = effect(() => {
      const { start, count } = session.view.value;
      const width = session.width.value;
      const there = Math.min(count, stepOf(session, row) - start);
      if (width === 0 || there <= 0) return;
      const same = asked?.start === start && asked.count === count && asked.width === width;
      const growing = same && there < count && performance.now() - at < GROWS_MS;
      if (growing || (same && asked?.there === there)) return;
      asked = { start, count, width, there };
      at = performance.now();
      peaks.want(asked);
    });
    return () => {
      stop();
      peaks.close();
    };
  }, [session, row]);
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
          <TileImage
            key={`${tile.zoom} ${tile.number}`}
            address={api.tileAddress(session.player.id, row, tile.zoom, tile.number)}
            left={((tile.start - start) / count) * width}
            width={(tile.count / count) * width}
          />
        ))}
    </div>
  );
}

/** A tile that the service is too busy for is asked for again. */
function TileImage({ address, left, width }: { address: string; left: number; width: number }) {
  const [tries, setTries] = useState(0);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!failed || tries >= TRIES) return undefined;
    const again = () => {
      setFailed(false);
      setTries(tries + 1);
    };
    const timer = setTimeout(again, RETRY_MS * 2 ** tries);
    return () => clearTimeout(timer);
  }, [failed, tries]);
  if (failed) return null;
  return (
    <img
      src={address}
      alt=""
      draggable={false}
      onError={() => setFailed(true)}
      style={{ left: `${left}px`, width: `${width}px` }}
    />
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
