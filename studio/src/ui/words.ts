/** Texts without the page: filling in, plural forms, the choice of a language. */

export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));

export const pluralKey = (base: string, form: string, texts: Record<string, string>): string =>
  `${base}.${form}` in texts ? `${base}.${form}` : `${base}.other`;

/** The first wanted language that there is, `de` for `de-AT`; else the first that there is. */
export function languageOf(wanted: readonly string[], known: readonly string[]): string {
  for (const code of wanted) {
    const short = code.toLowerCase().split('-')[0]!;
    if (known.includes(short)) return short;
  }
  return known[0]!;
}

/** `1:02:03` or `2:03`; with `digits` behind the point. */
export function clock(seconds: number, digits = 0): string {
  const unit = 10 ** digits;
  const ticks = Math.floor(Math.max(0, seconds) * unit + 1e-6);
  const whole = Math.floor(ticks / unit);
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const fraction = digits ? `.${String(ticks % unit).padStart(digits, '0')}` : '';
  const head = hours ? `${hours}:${two(minutes)}` : String(minutes);
  return `${head}:${two(whole % 60)}${fraction}`;
}
