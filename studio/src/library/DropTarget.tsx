/** Files may be dropped anywhere on the page. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { droppedFiles } from '../api/dropped.ts';
import { attempt } from '../store.ts';
import { t } from '../texts.ts';
import { addFiles } from './add.ts';

export function DropTarget() {
  const over = useSignal(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const drag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) over.value = false;
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = false;
      const data = event.dataTransfer!;
      void attempt(async () => addFiles(await droppedFiles(data)));
    };
    window.addEventListener('dragover', drag);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', drag);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, []);
  if (!over.value) return null;
  return (
    <div class="drop-over" aria-hidden="true">
      <p>{t('drop.release')}</p>
    </div>
  );
}
