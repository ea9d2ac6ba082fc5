/** The model and the options that new jobs get; kept from one visit to the next. */

import { computed, signal } from '@preact/signals';

import { models, nameModel } from '../store.ts';

/** Whether a name is made of names: an ensemble `a+b`, a chain `a>vocals>b`. */
export const isMadeOfNames = (name: string): boolean => /[+>]/.test(name);

const remembered = localStorage.getItem('model');
// where it is not known any more, the default takes its place
if (remembered && isMadeOfNames(remembered)) void nameModel(remembered).catch(() => undefined);
const wanted = signal<string | null>(remembered);

export const chosen = computed(() => {
  const all = models.value;
  return (
    all.find((model) => model.name === wanted.value) ??
    all.find((model) => model.default) ??
    all.find((model) => model.installed) ??
    null
  );
});

/** Options of the model that differ from its own. */
export const settings = signal<Record<string, unknown>>({});

export function choose(name: string, values: Record<string, unknown> = {}): void {
  localStorage.setItem('model', name);
  wanted.value = name;
  settings.value = values;
}

/** The options of a new job. Sound is kept as it is computed: 32-bit float. */
export const jobOptions = (): Record<string, unknown> => ({
  ...(chosen.value ? { model: chosen.value.name } : {}),
  format: 'wav',
  ...settings.value,
});
