/** A menu of what can be fetched: each stem in three formats, all in a stem file or a ZIP, the report. */

import { archiveAddress, reportAddress, stemAddress, stemFileAddress } from '../api/client.ts';
import type { Job } from '../api/types.ts';
import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { Menu } from '../ui/Menu.tsx';

const FORMATS = ['wav', 'flac', 'mp3'];

export function Downloads({ job }: { job: Job }) {
  return (
    <Menu
      label={
        <>
          <Icon name="down" />
          {t('download')}
        </>
      }
    >
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
    </Menu>
  );
}
