/** Makes a remix of what is heard. */

import { useSignal } from '@preact/signals';

import { go } from '../route.ts';
import { about, make } from '../store.ts';
import { number, t } from '../texts.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { remixOptions } from './export.ts';
import type { Session } from './session.ts';

export function ExportDialog({ session, close }: { session: Session; close: () => void }) {
  const { player } = session;
  const format = useSignal('wav');
  const options = remixOptions(player.rows.value);
  const changed = player.semitones.value !== 0 || player.tempo.value !== 1;
  const submit = async (event: Event) => {
    event.preventDefault();
    const job = await make({
      kind: 'remix',
      source: { job: player.id },
      options: { ...options, format: format.value },
    });
    if (!job) return;
    close();
    go('job', job.id);
  };
  return (
    <Dialog title={t('export.title')} close={close}>
      <form class="form" onSubmit={submit}>
        <p>{t('export.text')}</p>
        <table class="facts">
          <tbody>
            {player.stems.map((stem) => {
              const heard = options.solo.includes(stem);
              const row = player.rows.value[stem]!;
              return (
                <tr key={stem} class={heard ? undefined : 'faint'}>
                  <th scope="row">{stem}</th>
                  <td>{heard ? t('db', { db: number(row.gain, 1) }) : t('silent')}</td>
                  <td>{heard && row.pan !== 0 ? panText(row.pan) : ''}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        <label class="field">
          {t('format')}
          <select value={format.value} onChange={(event) => (format.value = event.currentTarget.value)}>
            {(about.value?.formats ?? ['wav']).map((name) => (
              <option value={name}>{name.toUpperCase()}</option>
            ))}
          </select>
        </label>
        {changed && <p class="faint">{t('export.key')}</p>}
        {options.solo.length === 0 && <p class="bad">{t('export.silent')}</p>}
        <footer>
          <button type="button" onClick={close}>
            {t('cancel')}
          </button>
          <button class="primary" disabled={options.solo.length === 0}>
            {t('export.make')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export function panText(pan: number): string {
  if (pan === 0) return t('pan.middle');
  const percent = number(Math.round(100 * Math.abs(pan)));
  return pan < 0 ? t('pan.left', { percent }) : t('pan.right', { percent });
}
