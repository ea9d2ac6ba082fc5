/** What the parts of the mixer share: the player, the view, the row that keys act on. */

import { signal, type Signal } from '@preact/signals';

import type { Job } from '../api/types.ts';
import { lengthOf, Player } from '../audio/player.ts';
import { spare, stir } from './frames.ts';
import { fitted, following, zoomed, type View } from './view.ts';

export type Show = 'wave' | 'both' | 'spectrum';
export const SHOWS: Show[] = ['wave', 'both', 'spectrum'];

export interface Session {
  job: Signal<Job>;
  player: Player;
  view: Signal<View>;
  /** pixels of a lane */
  width: Signal<number>;
  selected: Signal<string>;
  follow: Signal<boolean>;
  show: Signal<Show>;
}

export const hasSound = (job: Job): boolean =>
  Boolean(job.source.sample_rate_hz && lengthOf(job) && job.stems.length > 0) &&
  job.kind === 'separate' &&
  (job.state === 'running' || job.state === 'done');

export function openSession(job: Job): Session {
  const player = new Player(job);
  const show = localStorage.getItem('show') as Show | null;
  return {
    job: signal(job),
    player,
    view: signal({ start: 0, count: player.length }),
    width: signal(0),
    selected: signal(job.stems[0]!),
    follow: signal(true),
    show: signal(show && SHOWS.includes(show) ? show : 'wave'),
  };
}

/** Frames of every stem that are there. */
export const available = (session: Session): number => {
  const job = session.job.value;
  return job.state === 'done' ? session.player.length : job.available_samples;
};

export function zoom(session: Session, factor: number, anchor = session.player.position()): void {
  const { view, player } = session;
  const { start, count } = view.value;
  const seen = anchor >= start && anchor <= start + count;
  view.value = zoomed(view.value, factor, seen ? anchor : start + count / 2, player.length);
}

export function keepInView(session: Session): void {
  if (!session.follow.value || session.player.state.value !== 'playing') return;
  session.view.value = following(session.view.value, session.player.position(), session.player.length);
}

/** Whatever has to be drawn anew wakes the frames. For an effect. */
export function drawWhenMoved({ player, view, width }: Session): void {
  void [player.moved.value, player.state.value, view.value, width.value];
  stir();
}

/** The job has changed: more is separated, or it is done and its length known. */
export function update(session: Session, job: Job): void {
  session.job.value = job;
  spare(job.state === 'running');
  session.player.update(job);
  if (job.state === 'done') session.view.value = fitted(session.view.value, session.player.length);
}

export const seconds = (session: Session, frames: number): number => frames / session.player.rate;
