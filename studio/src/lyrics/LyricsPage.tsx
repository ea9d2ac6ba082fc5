/** The lyrics editor: text, taps along with the song, corrections by dragging, a preview, files. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';

import type { Job } from '../api/types.ts';
import { nameOf } from '../library/describe.ts';
import { Lane } from '../mixer/Lane.tsx';
import { drawWhenMoved, hasSound, keepInView, openSession, update } from '../mixer/session.ts';
import { Timeline } from '../mixer/Timeline.tsx';
import { Transport } from '../mixer/Transport.tsx';
import { useFrames } from '../mixer/frames.ts';
import { handleKey } from '../mixer/keys.ts';
import { KeySheet } from '../mixer/KeySheet.tsx';
import { addressOf } from '../route.ts';
import { jobs, loaded } from '../store.ts';
import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { firstUntimed, withText, textOf } from './model.ts';
import { Preview } from './Preview.tsx';
import { SaveMenu } from './SaveMenu.tsx';
import { change, openLyrics, undo, type Editing } from './session.ts';
import { Syllables } from './Syllables.tsx';
import { Taps, tapKey } from './Taps.tsx';

export function LyricsPage({ id }: { id: string }) {
  const job = jobs.value.get(id);
  if (!job) return <p class="empty">{loaded.value ? t('job.gone') : t('loading')}</p>;
  if (!hasSound(job)) return <p class="empty">{t('lyrics.later')}</p>;
  return <Editor job={job} />;
}

function Editor({ job }: { job: Job }) {
  const session = useMemo(() => openSession(job), [job.id]);
  const editing = useMemo(() => openLyrics(job.id, nameOf(job)), [job.id]);
  const help = useSignal(false);
  const voice = job.stems.includes('vocals') ? 'vocals' : job.stems[0]!;
  useFrames(() => keepInView(session), [session]);
  useSignalEffect(() => drawWhenMoved(session));
  useEffect(() => {
    const whole = session.view.value;
    session.view.value = { start: 0, count: Math.min(whole.count, 12 * session.player.rate) };
    const press = (event: KeyboardEvent) => {
      if (tapKey(event, session, editing)) return;
      handleKey(event, session, { help: () => (help.value = true), openExport: () => undefined });
    };
    window.addEventListener('keydown', press);
    return () => {
      window.removeEventListener('keydown', press);
      editing.stop();
      session.player.close();
    };
  }, [session, editing]);
  useEffect(() => {
    update(session, job);
  }, [job, session]);
  return (
    <article class="lyrics">
      <header class="job-head">
        <a class="button quiet icon-only" href={addressOf('job', job.id)} aria-label={t('lyrics.back')}>
          <Icon name="back" />
        </a>
        <div class="job-title">
          <h1>
            {t('lyrics')} · <bdi>{nameOf(job)}</bdi>
          </h1>
        </div>
        <div class="buttons">
          <button onClick={() => undo(editing)} disabled={editing.undo.value.length === 0}>
            {t('undo')}
          </button>
          <SaveMenu session={session} editing={editing} />
        </div>
      </header>
      <section class="mixer" aria-label={t('player')}>
        <Transport session={session} openHelp={() => (help.value = true)} />
        <Stage session={session} voice={voice} editing={editing} />
      </section>
      <div class="lyrics-columns">
        <TextForm editing={editing} />
        <Taps session={session} editing={editing} />
      </div>
      {help.value && <KeySheet close={() => (help.value = false)} />}
    </article>
  );
}

function Stage({
  session,
  voice,
  editing,
}: {
  session: ReturnType<typeof openSession>;
  voice: string;
  editing: Editing;
}) {
  const measure = (element: HTMLDivElement | null) => {
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      session.width.value = Math.round(entry!.contentRect.width);
    });
    observer.observe(element);
  };
  const ref = useMemo(() => measure, [session]);
  return (
    <>
      <Preview session={session} editing={editing} />
      <div class="stage" ref={ref}>
        <Timeline session={session} />
        <Lane session={session} row={voice} place={session.player.stems.indexOf(voice)} />
        <Syllables session={session} editing={editing} />
      </div>
    </>
  );
}

function TextForm({ editing }: { editing: Editing }) {
  const { song } = editing;
  const set = (values: Partial<typeof song.value>) => change(editing, { ...song.value, ...values });
  return (
    <section class="form lyrics-text">
      <div class="pair">
        <label class="field">
          {t('lyrics.title')}
          <input
            type="text"
            value={song.value.title}
            onChange={(event) => set({ title: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          {t('lyrics.artist')}
          <input
            type="text"
            value={song.value.artist}
            onChange={(event) => set({ artist: event.currentTarget.value })}
          />
        </label>
      </div>
      <label class="field">
        {t('lyrics.text')}
        <textarea
          rows={14}
          dir="auto"
          spellcheck={false}
          value={textOf(song.value.lines)}
          onChange={(event) => {
            const lines = withText(song.value.lines, event.currentTarget.value);
            set({ lines });
            editing.next.value = firstUntimed(lines);
          }}
        />
      </label>
      <p class="faint">{t('lyrics.text.hint')}</p>
    </section>
  );
}
