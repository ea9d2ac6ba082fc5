/** A waveform drawn by wavesurfer.js from the service's peaks. It decodes nothing and plays nothing. */

import WaveSurfer from 'wavesurfer.js';

export interface Waveform {
  /** pairs of lowest and highest sample; `part` of the width is drawn, from the left */
  draw: (pairs: Int16Array, part: number) => void;
  colour: (colour: string) => void;
  close: () => void;
}

const FULL_SCALE = 32768;

export function waveform(container: HTMLElement, colour: string): Waveform {
  const surfer = WaveSurfer.create({
    container,
    height: 'auto',
    waveColor: colour,
    progressColor: colour,
    cursorWidth: 0,
    interact: false,
    hideScrollbar: true,
    fillParent: true,
    peaks: [[0], [0]],
    duration: 1,
  });
  adoptStyle(surfer.getWrapper().getRootNode() as ShadowRoot);
  return {
    draw: (pairs, part) => {
      const bins = pairs.length / 2;
      const drawn = Math.max(1, Math.round(bins / Math.max(part, 1e-6)));
      const high = new Float32Array(drawn);
      const low = new Float32Array(drawn);
      for (let i = 0; i < bins; i++) {
        low[i] = pairs[2 * i]! / FULL_SCALE;
        high[i] = pairs[2 * i + 1]! / FULL_SCALE;
      }
      // refused only where newer peaks have overtaken these
      surfer.load('', [high, low], 1).catch(() => undefined);
    },
    colour: (next) => surfer.setOptions({ waveColor: next, progressColor: next }),
    close: () => surfer.destroy(),
  };
}

/** The build has made a template of wavesurfer's style element: vite.config.ts. */
function adoptStyle(root: ShadowRoot): void {
  const template = root.querySelector('template');
  if (!template) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(template.innerHTML);
  root.adoptedStyleSheets = [sheet];
}
