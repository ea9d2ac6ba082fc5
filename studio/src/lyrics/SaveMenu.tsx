/** Lyrics as files of the browser, and as a karaoke video, which is a job of the service. */

import { useSignal } from '@preact/signals';

import type { Session } from '../mixer/session.ts';
import { go } from '../route.ts';
import { make } from '../store.ts';
import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { Menu } from '../ui/Menu.tsx';
import { lrc, ultrastar } from './formats.ts';
import { complete } from './model.ts';
import type { Editing } from './session.ts';

function save(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function SaveMenu({ session, editing }: { session: Session; editing: Editing }) {
  const busy = useSignal(false);
  const song = editing.song.value;
  const name = song.title.trim() || 'lyrics';
  const nothing = complete(song.lines).length === 0;
  const video = async (kind: 'mp4' | 'webm') => {
    busy.value = true;
    const job = await make({
      kind: 'karaoke',
      source: { job: session.player.id },
      options: { lyrics: lrc(song), video: kind },
    });
    busy.value = false;
    if (job) go('job', job.id);
  };
  return (
    <Menu
      label={
        <>
          <Icon name="down" />
          {t('lyrics.save')}
        </>
      }
    >
      {nothing && <p class="faint">{t('lyrics.nothing')}</p>}
      <button disabled={nothing} onClick={() => save(`${name}.lrc`, lrc(song))}>
        LRC
      </button>
      <button disabled={nothing} onClick={() => save(`${name}.txt`, ultrastar(song))}>
        UltraStar
      </button>
      <button disabled={nothing || busy.value} onClick={() => video('mp4')}>
        {t('lyrics.video', { format: 'MP4' })}
      </button>
      <button disabled={nothing || busy.value} onClick={() => video('webm')}>
        {t('lyrics.video', { format: 'WebM' })}
      </button>
    </Menu>
  );
}
