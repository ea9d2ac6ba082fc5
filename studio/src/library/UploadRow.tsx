/** One file on its way. */

import { bytes, t } from '../texts.ts';
import { dismiss, type Upload } from '../uploads.ts';
import { lineOf } from '../ui/errors.ts';
import { Icon } from '../ui/icons.tsx';

export function UploadRow({ upload }: { upload: Upload }) {
  const failed = upload.problem !== null;
  return (
    <li class={failed ? 'row failed' : 'row'}>
      <div class="row-text">
        <bdi class="row-name" title={upload.name}>
          {upload.name}
        </bdi>
        {failed ? (
          <span class="bad" role="alert">
            {lineOf(upload.problem)}
          </span>
        ) : (
          <span class="faint">
            {t('upload.progress', { sent: bytes(upload.sent), total: bytes(upload.total) })}
          </span>
        )}
        {!failed && (
          <progress
            value={upload.sent}
            max={Math.max(upload.total, 1)}
            aria-label={t('upload.of', { name: upload.name })}
          />
        )}
      </div>
      {failed && (
        <button
          class="quiet icon-only"
          onClick={upload.retry}
          aria-label={t('upload.retry', { name: upload.name })}
        >
          <Icon name="again" />
        </button>
      )}
      <button
        class="quiet icon-only"
        onClick={() => dismiss(upload.id)}
        aria-label={t('upload.stop', { name: upload.name })}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}
