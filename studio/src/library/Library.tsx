/** The left column: new files, the model for them, uploads, and all jobs. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { connection, jobList, loaded } from '../store.ts';
import { count, t } from '../texts.ts';
import { uploads } from '../uploads.ts';
import { Icon } from '../ui/icons.tsx';
import { isSound } from '../api/dropped.ts';
import { addFiles } from './add.ts';
import { chosen } from './choice.ts';
import { JobRow } from './JobRow.tsx';
import { ModelDialog } from './ModelDialog.tsx';
import { UploadRow } from './UploadRow.tsx';

export function Library() {
  const choosing = useSignal(false);
  const all = jobList.value;
  const waiting = all.filter((job) => job.state === 'queued' || job.state === 'running');
  const finished = all.filter((job) => job.state !== 'queued' && job.state !== 'running');
  return (
    <nav class="library" aria-label={t('library')}>
      <AddFiles />
      <ModelButton open={() => (choosing.value = true)} />
      {choosing.value && <ModelDialog close={() => (choosing.value = false)} />}
      {uploads.value.length > 0 && (
        <section>
          <h2>{t('uploads')}</h2>
          <ul class="rows">
            {uploads.value.map((upload) => (
              <UploadRow key={upload.id} upload={upload} />
            ))}
          </ul>
        </section>
      )}
      {waiting.length > 0 && (
        <section>
          <h2>{t('queue')}</h2>
          <ul class="rows">
            {waiting.map((job) => (
              <JobRow key={job.id} job={job} />
            ))}
          </ul>
        </section>
      )}
      <section>
        <h2>{t('history')}</h2>
        {finished.length > 0 ? (
          <ul class="rows">
            {finished.map((job) => (
              <JobRow key={job.id} job={job} />
            ))}
          </ul>
        ) : (
          <p class="faint">
            {loaded.value || connection.value === 'lost' ? t('history.empty') : t('loading')}
          </p>
        )}
      </section>
      <p class="hidden" role="status">
        {waiting.length > 0 ? count('queue.length', waiting.length) : ''}
      </p>
    </nav>
  );
}

function AddFiles() {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (input: HTMLInputElement, filter: boolean) => {
    const chosenFiles = [...(input.files ?? [])];
    addFiles(filter ? chosenFiles.filter(isSound) : chosenFiles);
    input.value = '';
  };
  return (
    <div class="add">
      <p>{t('drop.hint')}</p>
      <div class="buttons">
        <button class="primary" onClick={() => files.current!.click()}>
          <Icon name="plus" />
          {t('drop.files')}
        </button>
        <button onClick={() => folder.current!.click()}>{t('drop.folder')}</button>
      </div>
      <input
        ref={files}
        type="file"
        multiple
        accept="audio/*,video/*"
        hidden
        aria-label={t('drop.files')}
        onChange={(event) => take(event.currentTarget, false)}
      />
      <input
        ref={folder}
        type="file"
        multiple
        hidden
        aria-label={t('drop.folder')}
        {...{ webkitdirectory: true }}
        onChange={(event) => take(event.currentTarget, true)}
      />
    </div>
  );
}

function ModelButton({ open }: { open: () => void }) {
  const model = chosen.value;
  return (
    <button class="model-button" onClick={open} aria-haspopup="dialog">
      <span class="faint">{t('model')}</span>
      <strong>{model ? model.title || model.name : t('model.choose')}</strong>
      {model && <span class="faint">{model.stems.join(' · ')}</span>}
    </button>
  );
}
