/** Icons as paths in a square of 24, drawn in the colour of the text. */

const PATHS = {
  play: 'M7 4.5v15l12.5-7.5z',
  pause: 'M7 4.5h3.5v15H7zM13.5 4.5H17v15h-3.5z',
  start: 'M6 5h2.5v14H6zM18.5 5v14L9 12z',
  loop: 'M7 7h9l-2.2-2.2 1.2-1.2L19.2 7.8 15 12l-1.2-1.2L16 8.7H7.7v3.1H6V8.7A1.7 1.7 0 0 1 7 7zm10 10H8l2.2 2.2L9 20.4 4.8 16.2 9 12l1.2 1.2L8 15.3h8.3v-3.1H18v3.1A1.7 1.7 0 0 1 17 17z',
  close: 'M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z',
  trash: 'M9 4h6l1 1.5h4V7H4V5.500h4zM6 8.500h12L17 20H7zM10 11v6.500h1.200V11zm2.800 0v6.500H14V11z',
  again: 'M12 5V2.500L7.500 6.500 12 10.500V7.500a5 5 0 1 1-5 5H4.500A7.500 7.500 0 1 0 12 5z',
  down: 'M11 4h2v8.200l3-3 1.400 1.400L12 16l-5.400-5.400L8 9.200l3 3zM5 18h14v2H5z',
  up: 'M12 4l5.400 5.400L16 10.800l-3-3V16h-2V7.800l-3 3-1.400-1.400zM5 18h14v2H5z',
  plus: 'M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z',
  minus: 'M5 11h14v2H5z',
  keys: 'M3 6h18v12H3zm2 2v2h2V8zm4 0v2h2V8zm4 0v2h2V8zm4 0v2h2V8zM5 12v2h2v-2zm12 0v2h2v-2zM8.500 12.500h7V15h-7z',
  text: 'M4 5h16v2H4zm0 4.700h10v2H4zm0 4.600h16v2H4zM4 19h7v2H4z',
  back: 'M14.500 5 16 6.400 10.400 12l5.600 5.600-1.500 1.400L7.500 12z',
  check: 'M9.500 16.200 5.300 12l-1.400 1.400 5.600 5.600L20.100 8.400 18.700 7z',
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
