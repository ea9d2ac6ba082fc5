/** Light, dark, or as the system has it. */

import { signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const remembered = localStorage.getItem('theme') as Theme | null;
export const theme = signal<Theme>(remembered && THEMES.includes(remembered) ? remembered : 'system');

function apply(value: Theme): void {
  const root = document.documentElement;
  if (value === 'system') root.removeAttribute('data-theme');
  else root.setAttribute('data-theme', value);
}

export function setTheme(value: Theme): void {
  localStorage.setItem('theme', value);
  theme.value = value;
  apply(value);
}

/** Called again whenever colours change, by the switch or by the system. */
export function onColours(react: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', react);
  const stop = theme.subscribe(react);
  return () => {
    query.removeEventListener('change', react);
    stop();
  };
}

apply(theme.value);
