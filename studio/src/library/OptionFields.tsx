/** A form made of the declarations of a model's options. What is left at its default is not sent. */

import type { Option } from '../api/types.ts';

interface Props {
  options: Option[];
  values: Record<string, unknown>;
  change: (values: Record<string, unknown>) => void;
}

const isNumber = (type: string): boolean => /int|float|number/i.test(type);

export function OptionFields({ options, values, change }: Props) {
  const set = (option: Option, value: unknown) => {
    const next = { ...values };
    if (value === option.default || value === '' || value === null) delete next[option.name];
    else next[option.name] = value;
    change(next);
  };
  return (
    <div class="option-fields">
      {options.map((option) => {
        const value = values[option.name] ?? option.default;
        return (
          <label key={option.name} class="option">
            <span>
              {option.name.replaceAll('_', ' ')}
              {option.unit && <span class="faint"> ({option.unit})</span>}
            </span>
            <Field option={option} value={value} set={(next) => set(option, next)} />
            <span class="faint">{option.help}</span>
          </label>
        );
      })}
    </div>
  );
}

function Field({ option, value, set }: { option: Option; value: unknown; set: (value: unknown) => void }) {
  if (option.choices.length > 0) {
    return (
      <select
        value={String(value ?? '')}
        onChange={(event) => {
          const text = event.currentTarget.value;
          set(option.choices.find((choice) => String(choice) === text) ?? text);
        }}
      >
        {option.default === null && <option value="" />}
        {option.choices.map((choice) => (
          <option value={String(choice)}>{String(choice)}</option>
        ))}
      </select>
    );
  }
  if (/bool/i.test(option.type)) {
    return (
      <input
        type="checkbox"
        checked={Boolean(value)}
        onChange={(event) => set(event.currentTarget.checked)}
      />
    );
  }
  if (isNumber(option.type)) {
    return (
      <input
        type="number"
        value={value === null || value === undefined ? '' : String(value)}
        step={/int/i.test(option.type) ? 1 : 'any'}
        {...(option.low === null ? {} : { min: option.low })}
        {...(option.high === null ? {} : { max: option.high })}
        onChange={(event) => {
          const text = event.currentTarget.value;
          set(text === '' ? null : Number(text));
        }}
      />
    );
  }
  return (
    <input
      type="text"
      value={value === null || value === undefined ? '' : String(value)}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}
