/** The frame of the page: its head, the list of jobs, and what is open. */

import { useSignal, useSignalEffect } from '@preact/signals';

import { AboutPage } from './about/About.tsx';
import { nameOf } from './library/describe.ts';
import { Library } from './library/Library.tsx';
import { Welcome } from './library/Welcome.tsx';
import { LyricsPage } from './lyrics/LyricsPage.tsx';
import { JobPage } from './mixer/JobPage.tsx';
import { addressOf, route } from './route.ts';
import { connection, jobs, problem } from './store.ts';
import { language, LANGUAGES, setLanguage, t } from './texts.ts';
import { DropTarget } from './library/DropTarget.tsx';
import { lineOf } from './ui/errors.ts';
import { Icon } from './ui/icons.tsx';
import { setTheme, theme, THEMES, type Theme } from './ui/theme.ts';

export function App() {
  useSignalEffect(() => {
    document.documentElement.lang = language.value;
    const open = jobs.value.get(route.value.id);
    document.title = open ? `${nameOf(open)} · unweave` : 'unweave';
  });
  const { page, id } = route.value;
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        {t('skip')}
      </a>
      <Head />
      <Notice />
      <DropTarget />
      <div class={`columns at-${page}`}>
        <Library />
        <main id="main" tabIndex={-1}>
          {page === 'job' && <JobPage key={id} id={id} />}
          {page === 'lyrics' && <LyricsPage key={id} id={id} />}
          {page === 'about' && <AboutPage />}
          {page === 'home' && <Welcome />}
        </main>
      </div>
    </>
  );
}

/** The address is the page's own, so a link to an element must not change it. */
function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Head() {
  return (
    <header class="head">
      <a class="brand" href={addressOf('home')} aria-label="unweave">
        <img src="/mark.svg" alt="" width="28" height="28" />
        <span>unweave</span>
      </a>
      <Connection />
      <div class="grow" />
      <label class="select">
        <span class="hidden">{t('language')}</span>
        <select value={language.value} onChange={(event) => setLanguage(event.currentTarget.value)}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="select">
        <span class="hidden">{t('theme')}</span>
        <select
          value={theme.value}
          onChange={(event) => setTheme(event.currentTarget.value as Theme)}
        >
          {THEMES.map((name) => (
            <option value={name}>{t(`theme.${name}`)}</option>
          ))}
        </select>
      </label>
      <a
        class="button quiet"
        href={addressOf('about')}
        aria-current={route.value.page === 'about' ? 'page' : undefined}
      >
        {t('about')}
      </a>
    </header>
  );
}

function Connection() {
  const state = connection.value;
  return (
    <span class={`connection ${state}`} role="status">
      {state === 'open' ? <span class="hidden">{t('connection.open')}</span> : t(`connection.${state}`)}
    </span>
  );
}

function Notice() {
  const hidden = useSignal<unknown>(null);
  const shown = problem.value;
  return (
    <div role="alert" class="notices">
      {shown !== null && shown !== hidden.value && (
        <p class="notice bad">
          <span>{lineOf(shown)}</span>
          <button
            class="quiet icon-only"
            onClick={() => (hidden.value = shown)}
            aria-label={t('close')}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
