/** The diagnosis page: what the service and this browser can do, in words, to read or to copy. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { ROOT } from '../api/client.ts';
import { about, attempt, fetchAbout } from '../store.ts';
import { t, type Key } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { browserFacts, limitFacts, machineFacts, serviceFacts, type Fact } from './facts.ts';

export function AboutPage() {
  useEffect(() => void attempt(fetchAbout), []);
  const told = about.value;
  const parts: [Key, Fact[]][] = told
    ? [
        ['about.service', serviceFacts(told)],
        ['about.limits', limitFacts(told)],
        ['about.diagnosis', machineFacts(told)],
      ]
    : [];
  parts.push(['about.browser', browserFacts()]);
  return (
    <article class="about">
      <header>
        <h1>{t('about.title')}</h1>
        <Copy parts={parts} />
      </header>
      <p class="faint">{t('about.text')}</p>
      {parts.map(([title, facts]) => (
        <section key={title}>
          <h2>{t(title)}</h2>
          <table class="facts">
            <tbody>
              {facts.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{t(name)}</th>
                  <td>
                    <bdi>{value}</bdi>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      <p class="faint">
        {t('about.docs')} <a href={`${ROOT}/openapi.json`}>openapi.json</a>
      </p>
    </article>
  );
}

/** The browser gives the clipboard to pages of this machine and to encrypted ones. */
function Copy({ parts }: { parts: [Key, Fact[]][] }) {
  const copied = useSignal(false);
  if (!navigator.clipboard) return null;
  const copy = async () => {
    const lines = parts.flatMap(([title, facts]) => [
      t(title),
      ...facts.map(([name, value]) => `  ${t(name)}: ${value}`),
    ]);
    copied.value = (await attempt(() => navigator.clipboard.writeText(lines.join('\n')))) !== null;
  };
  return (
    <button onClick={copy} aria-live="polite">
      {copied.value && <Icon name="check" />}
      {t(copied.value ? 'about.copied' : 'about.copy')}
    </button>
  );
}
