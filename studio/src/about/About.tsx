/** The diagnosis page: what the service and this browser can do. */

import { useEffect } from 'preact/hooks';

import { about, attempt, fetchAbout } from '../store.ts';
import { bytes, number, t } from '../texts.ts';
import { clock } from '../ui/words.ts';

export function AboutPage() {
  useEffect(() => void attempt(fetchAbout), []);
  const facts = about.value;
  return (
    <article class="about">
      <h1>{t('about.title')}</h1>
      {facts && (
        <>
          <h2>{t('about.service')}</h2>
          <Facts values={{ version: facts.version, kinds: facts.kinds.map((kind) => kind.title), formats: facts.formats }} />
          <h2>{t('about.limits')}</h2>
          <Facts values={{ ...facts.limits, paths: facts.paths, urls: facts.urls }} />
          <h2>{t('about.diagnosis')}</h2>
          <Facts values={facts.diagnosis} />
        </>
      )}
      <h2>{t('about.browser')}</h2>
      <Facts values={browser()} />
      <p class="faint">{t('about.docs')}</p>
    </article>
  );
}

function browser(): Record<string, unknown> {
  return {
    audio_worklet: 'AudioWorklet' in window,
    web_assembly: 'WebAssembly' in window,
    secure_context: window.isSecureContext,
    screen: `${window.innerWidth} × ${window.innerHeight} @ ${window.devicePixelRatio}`,
    languages: navigator.languages,
    browser: navigator.userAgent,
  };
}

function Facts({ values }: { values: Record<string, unknown> }) {
  return (
    <table class="facts">
      <tbody>
        {Object.entries(values)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name.replaceAll('_', ' ')}</th>
              <td>
                <Value name={name} value={value} />
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

/** Units are in the names. */
function Value({ name, value }: { name: string; value: unknown }) {
  if (value === null) return <>{t('none')}</>;
  if (typeof value === 'boolean') return <>{value ? t('yes') : t('no')}</>;
  if (typeof value === 'number') {
    if (/bytes/.test(name)) return <>{bytes(value)}</>;
    if (/_mb$/.test(name)) return <>{bytes(1e6 * value)}</>;
    if (/(_s|seconds)$/.test(name)) return <>{clock(value)}</>;
    return <>{number(value, Number.isInteger(value) ? 0 : 2)}</>;
  }
  if (Array.isArray(value)) return <>{value.join(', ')}</>;
  if (typeof value === 'object') return <Facts values={value as Record<string, unknown>} />;
  return <bdi>{String(value)}</bdi>;
}
