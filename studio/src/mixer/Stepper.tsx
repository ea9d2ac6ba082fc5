/** A number with less and more beside it; a double click takes it back. */

import { t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';

interface Props {
  label: string;
  value: number;
  low: number;
  high: number;
  step: number;
  neutral: number;
  text: (value: number) => string;
  set: (value: number) => void;
}

export function Stepper({ label, value, low, high, step, neutral, text, set }: Props) {
  const to = (next: number) => set(Math.max(low, Math.min(high, next)));
  const press = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowUp: value + step,
      ArrowRight: value + step,
      ArrowDown: value - step,
      ArrowLeft: value - step,
      PageUp: value + 4 * step,
      PageDown: value - 4 * step,
      Home: low,
      End: high,
      Backspace: neutral,
      Delete: neutral,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    to(next);
  };
  return (
    <div class={value === neutral ? 'stepper' : 'stepper changed'}>
      <span class="stepper-label" aria-hidden="true">
        {label}
      </span>
      <button
        class="icon-only"
        tabIndex={-1}
        disabled={value <= low}
        onClick={() => to(value - step)}
        aria-label={t('less', { name: label })}
      >
        <Icon name="minus" />
      </button>
      <span
        class="stepper-value"
        role="spinbutton"
        tabIndex={0}
        aria-label={label}
        aria-valuenow={value}
        aria-valuemin={low}
        aria-valuemax={high}
        aria-valuetext={text(value)}
        onKeyDown={press}
        onDblClick={() => set(neutral)}
        title={t('reset.hint')}
      >
        {text(value)}
      </span>
      <button
        class="icon-only"
        tabIndex={-1}
        disabled={value >= high}
        onClick={() => to(value + step)}
        aria-label={t('more', { name: label })}
      >
        <Icon name="plus" />
      </button>
    </div>
  );
}
