/** The page's words: texts/*.json, chosen by the browser's languages and by a switch. */

import { computed, signal } from '@preact/signals';

import de from '../texts/de.json';
import en from '../texts/en.json';
import { fill, languageOf, pluralKey } from './ui/words.ts';

export type Key = keyof typeof en;
const TEXTS: Record<string, Record<string, string>> = { en, de };
export const LANGUAGES: Record<string, string> = { en: 'English', de: 'Deutsch' };

const remembered = localStorage.getItem('language');
export const language = signal(
  languageOf(remembered ? [remembered] : navigator.languages, Object.keys(TEXTS)),
);

export function setLanguage(code: string): void {
  localStorage.setItem('language', code);
  language.value = code;
}

const plural = computed(() => new Intl.PluralRules(language.value));

/** The text of a key, with `{name}` replaced. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(TEXTS[language.value]?.[key] ?? en[key], values);
}

type Counted = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

/** The text for a number of things: keys `base.one` and `base.other`. */
export function count(base: Counted, n: number, values: Record<string, string | number> = {}): string {
  return t(pluralKey(base, plural.value.select(n), en) as Key, { n: number(n), ...values });
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

export function bytes(value: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const step = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(value, 1)) / 3)));
  const shown = value / 1000 ** step;
  return new Intl.NumberFormat(language.value, {
    style: 'unit',
    unit: units[step]!,
    unitDisplay: 'short',
    maximumFractionDigits: shown < 10 && step > 0 ? 1 : 0,
  }).format(shown);
}

export function date(iso: string): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'short' }).format(
    new Date(iso),
  );
}
