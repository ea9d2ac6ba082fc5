/** Modules that the build makes: vite.config.ts. */

declare module 'virtual:stretch-wasm' {
  import type { StretchWasm } from './audio/stretch.ts';
  export default function load(): Promise<StretchWasm>;
}

declare module '*.worklet.ts?worker&url' {
  const address: string;
  export default address;
}

declare module '*.css';
