import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { defineConfig, type Plugin } from 'vite';

const resolve = createRequire(import.meta.url).resolve;

/**
 * The WASM of Signalsmith Stretch without the library's own AudioWorklet, which plays at one tempo only and starts from
 * a blob: address. Its file is the module's factory, followed by the worklet.
 */
function stretchWasm(): Plugin {
  const name = 'virtual:stretch-wasm';
  const behind = /^(function registerWorkletProcessor|if \(typeof exports)/m;
  return {
    name: 'stretch-wasm',
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load(id) {
      if (id !== `\0${name}`) return null;
      const text = readFileSync(resolve('signalsmith-stretch'), 'utf8');
      const end = text.search(behind);
      if (end < 0) throw new Error('signalsmith-stretch is laid out in another way than it was');
      return `${text.slice(0, end)}\nexport default SignalsmithStretch;\n`;
    },
  };
}

/**
 * wavesurfer.js writes its style sheet into a <style> element, which a strict policy refuses. As a <template> it is
 * text, which waveform.ts adopts.
 */
function wavesurferStyle(): Plugin {
  return {
    name: 'wavesurfer-style',
    transform(code, id) {
      if (!/wavesurfer\.js[\\/]dist/.test(id) || !code.includes('<style')) return null;
      return code.replaceAll('<style', '<template').replaceAll('</style>', '</template>');
    },
  };
}

export default defineConfig({
  base: '/',
  plugins: [stretchWasm(), wavesurferStyle()],
  worker: { format: 'es', plugins: () => [stretchWasm()] },
  build: {
    outDir: '../src/unweave/server/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': process.env.UNWEAVE_SERVICE ?? 'http://127.0.0.1:8750' } },
});
