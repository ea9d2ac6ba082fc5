/** A menu of what can be fetched: each stem in three formats, all in a stem file or a ZIP, the report. */

import { useEffect, useRef } from 'preact/hooks';

import { archiveAddress, reportAddress, stemAddress, stemFileAddress } from '../api/client.ts';
import type { Job } from '../api/types.ts';
import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';

const FORMATS = ['wav', 'flac', 'mp3'];

export function Downloads({ job }: { job: Job }) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const shut = (event: Event) => {
      const outside = event.type === 'keydown' || !menu.current?.contains(event.target as Node);
      const escape = (event as KeyboardEvent).key === 'Escape';
      if (outside && (event.type !== 'keydown' || escape)) menu.current?.removeAttribute('open');
    };
    window.addEventListener('pointerdown', shut);
    window.addEventListener('keydown', shut);
    return () => {
      window.removeEventListener('pointerdown', shut);
      window.removeEventListener('keydown', shut);
    };
  }, []);
  return (
    <details class="menu" ref={menu}>
      <summary class="button">
        <Icon name="down" />
        {t('download')}
      </summary>
      <div class="menu-body">
        {job.kind === 'separate' && (
          <table>
            <tbody>
              {job.stems.map((stem) => (
                <tr key={stem}>
                  <th scope="row">{stem}</th>
                  {FORMATS.map((format) => (
                    <td key={format}>
                      <a
                        href={stemAddress(job.id, stem, format)}
                        download
                        aria-label={`${stem} ${format.toUpperCase()}`}
                      >
                        {format.toUpperCase()}
                      </a>
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {job.kind === 'separate' && (job.source.channels ?? 2) <= 2 && (
          <a href={stemFileAddress(job.id)} download>
            {t('download.stemFile')}
          </a>
        )}
        <a href={archiveAddress(job.id)} download>
          {t('download.zip')}
        </a>
        <a href={reportAddress(job.id)} target="_blank" rel="noopener">
          {t('download.report')}
        </a>
      </div>
    </details>
  );
}
