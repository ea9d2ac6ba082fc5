/** What is shown while no job is open: how to begin. */

import { t } from '../texts.ts';

export function Welcome() {
  return (
    <div class="welcome">
      <svg viewBox="0 0 320 90" aria-hidden="true" class="welcome-mark">
        <path d="M4 45h70c60 0 70-32 120-32h122" />
        <path d="M4 45h312" />
        <path d="M4 45h70c60 0 70 32 120 32h122" />
      </svg>
      <h1>{t('welcome.title')}</h1>
      <p>{t('welcome.text')}</p>
      <ol>
        <li>{t('welcome.one')}</li>
        <li>{t('welcome.two')}</li>
        <li>{t('welcome.three')}</li>
      </ol>
    </div>
  );
}
