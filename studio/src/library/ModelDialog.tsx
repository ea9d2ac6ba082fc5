/** All models: what each gives, its licence and size, how long it takes here, and whether its weights are here. */

import { computed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import * as api from '../api/client.ts';
import type { Model, Option } from '../api/types.ts';
import { jobList, make, models, nameModel } from '../store.ts';
import { bytes, number, t } from '../texts.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { lineOf } from '../ui/errors.ts';
import { Icon } from '../ui/icons.tsx';
import { clock } from '../ui/words.ts';
import { choose, chosen, isMadeOfNames, settings } from './choice.ts';
import { stateLine } from './describe.ts';
import { OptionFields } from './OptionFields.tsx';

const SONG_S = 240;
/** a name is asked for when nobody has typed for so long */
const TYPED_MS = 400;

const pulls = computed(() =>
  jobList.value.filter((job) => job.kind === 'pull' && !['done', 'cancelled'].includes(job.state)),
);

const pullOf = (model: Model) =>
  pulls.value.find((job) => (job.model ?? job.options.model) === model.name);

/** Fetches weights, unless that is under way. */
async function pull(model: Model): Promise<void> {
  const running = pullOf(model);
  if (running && running.state !== 'failed') return;
  await make({ kind: 'pull', source: null, options: { model: model.name } });
}

const matches = (model: Model, words: string): boolean => {
  const text = [model.name, model.title, model.kind, model.licence ?? '', ...model.stems]
    .join(' ')
    .toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
};

export function ModelDialog({ close }: { close: () => void }) {
  const words = useSignal('');
  const installedOnly = useSignal(false);
  const picked = useSignal(chosen.value?.name ?? '');
  const values = useSignal<Record<string, unknown>>({ ...settings.value });
  const shown = models.value.filter(
    (model) => matches(model, words.value) && (model.installed || !installedOnly.value),
  );
  const model = models.value.find((one) => one.name === picked.value);
  const pick = (name: string) => {
    picked.value = name;
    values.value = {};
  };
  const problem = useMadeOfNames(words.value.trim(), pick);
  const take = (event: Event) => {
    event.preventDefault();
    if (!model) return;
    choose(model.name, values.value);
    if (!model.installed) void pull(model);
    close();
  };
  return (
    <Dialog title={t('model.choose')} close={close} wide>
      <form class="models" onSubmit={take}>
        <div class="models-filter">
          <input
            type="search"
            placeholder={t('model.search')}
            aria-label={t('model.search')}
            value={words.value}
            onInput={(event) => (words.value = event.currentTarget.value)}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={installedOnly.value}
              onChange={(event) => (installedOnly.value = event.currentTarget.checked)}
            />
            {t('model.installedOnly')}
          </label>
        </div>
        <ul class="models-list" role="radiogroup" aria-label={t('model')}>
          {shown.map((one) => (
            <ModelRow
              key={one.name}
              model={one}
              checked={one.name === picked.value}
              pick={() => pick(one.name)}
            />
          ))}
        </ul>
        {shown.length === 0 && (
          <p class={problem ? 'bad' : 'faint'} role="status">
            {problem ?? t('model.none')}
          </p>
        )}
        <p class="faint">{t('model.made')}</p>
        {model && <Options name={model.name} values={values} />}
        <footer>
          <button type="button" onClick={close}>
            {t('cancel')}
          </button>
          <button class="primary" disabled={!model}>
            {t(model && !model.installed ? 'model.pull.take' : 'model.take')}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Asks for the model of such a name, and picks it; what the service has against it. */
function useMadeOfNames(name: string, pick: (name: string) => void): string | null {
  const problem = useSignal<string | null>(null);
  useEffect(() => {
    problem.value = null;
    if (!isMadeOfNames(name)) return undefined;
    let current = true;
    const ask = () =>
      nameModel(name)
        .then(() => current && pick(name))
        .catch((caught: unknown) => current && (problem.value = lineOf(caught)));
    const timer = setTimeout(ask, TYPED_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [name]);
  return problem.value;
}

function ModelRow({ model, checked, pick }: { model: Model; checked: boolean; pick: () => void }) {
  const pulling = pullOf(model);
  const facts = [
    model.licence,
    model.bytes ? bytes(model.bytes) : null,
    model.real_time_factor
      ? t('model.time', { time: clock(Math.max(1, model.real_time_factor * SONG_S)) })
      : null,
    typeof model.quality === 'number' ? t('model.quality', { db: number(model.quality, 1) }) : null,
  ];
  return (
    <li class={checked ? 'model picked' : 'model'} role="presentation">
      <label>
        <input type="radio" name="model" checked={checked} onChange={pick} value={model.name} />
        <span class="model-text">
          <span>
            <strong>{model.title || model.name}</strong>
            {model.title && model.title !== model.name && <code>{model.name}</code>}
            {model.default && <span class="tag">{t('model.default')}</span>}
          </span>
          <span class="stems">{model.stems.join(' · ')}</span>
          <span class="faint">{facts.filter(Boolean).join(' · ')}</span>
        </span>
      </label>
      <div class="model-state">
        {model.installed ? (
          <span class="here">
            <Icon name="check" />
            {t('model.installed')}
          </span>
        ) : pulling ? (
          <span class={pulling.state === 'failed' ? 'bad' : 'faint'} role="status">
            {stateLine(pulling)}
            {pulling.state === 'running' && (
              <progress
                {...(pulling.progress?.fraction == null ? {} : { value: pulling.progress.fraction })}
                max={1}
                aria-label={t('progress.of', { name: model.name })}
              />
            )}
          </span>
        ) : (
          <button
            type="button"
            onClick={() => pull(model)}
            aria-label={t('model.pull.of', { name: model.name })}
          >
            <Icon name="down" />
            {t('model.pull')}
          </button>
        )}
      </div>
    </li>
  );
}

function Options({
  name,
  values,
}: {
  name: string;
  values: { value: Record<string, unknown> };
}) {
  const options = useSignal<Option[]>([]);
  useEffect(() => {
    let current = true;
    options.value = [];
    api
      .model(name)
      .then((model) => current && (options.value = model.options))
      .catch(() => undefined);
    return () => {
      current = false;
    };
  }, [name]);
  if (options.value.length === 0) return null;
  return (
    <details class="options">
      <summary>{t('model.options')}</summary>
      <OptionFields
        options={options.value}
        values={values.value}
        change={(next) => (values.value = next)}
      />
    </details>
  );
}
