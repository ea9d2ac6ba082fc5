/** One stem: its name, mute, solo, gain, pan, level, and its lane. */

import { LOUDEST_DB, NEUTRAL, SILENT_DB } from '../audio/levels.ts';
import { number, t } from '../texts.ts';
import { panText } from './ExportDialog.tsx';
import { Lane } from './Lane.tsx';
import { Meter } from './Meter.tsx';
import type { Session } from './session.ts';

export function StemRow({ session, stem, place }: { session: Session; stem: string; place: number }) {
  const { player, selected } = session;
  const row = player.rows.value[stem] ?? NEUTRAL;
  const heard = player.heard.value.has(stem) && !player.compare.value;
  const classes = [
    'stem',
    `hue-${place % 8}`,
    selected.value === stem ? 'selected' : '',
    heard ? '' : 'unheard',
  ];
  const silent = row.gain <= SILENT_DB;
  const gainText = silent ? t('silent') : t('db', { db: number(row.gain, 1) });
  return (
    <>
      <div
        class={classes.join(' ')}
        role="group"
        aria-label={stem}
        onPointerDown={() => (selected.value = stem)}
        onFocusCapture={() => (selected.value = stem)}
      >
        <div class="controls">
          <span class="stem-name" title={stem}>
            {stem}
          </span>
          <button
            class="letter mute"
            aria-pressed={row.mute}
            aria-label={t('mute.of', { name: stem })}
            title={t('mute')}
            onClick={() => player.setRow(stem, { mute: !row.mute })}
          >
            M
          </button>
          <button
            class="letter solo"
            aria-pressed={row.solo}
            aria-label={t('solo.of', { name: stem })}
            title={t('solo')}
            onClick={() => player.setRow(stem, { solo: !row.solo })}
          >
            S
          </button>
          <div class="levels">
          <label class="gain">
            <span class="hidden">{t('gain.of', { name: stem })}</span>
            <input
              type="range"
              min={SILENT_DB}
              max={LOUDEST_DB}
              step={0.5}
              value={row.gain}
              aria-valuetext={gainText}
              onInput={(event) => player.setRow(stem, { gain: Number(event.currentTarget.value) })}
              onDblClick={() => player.setRow(stem, { gain: 0 })}
              title={t('gain')}
            />
            <output>{gainText}</output>
          </label>
          <label class="pan">
            <span class="hidden">{t('pan.of', { name: stem })}</span>
            <input
              type="range"
              min={-1}
              max={1}
              step={0.05}
              value={row.pan}
              disabled={player.channels === 1}
              aria-valuetext={panText(row.pan)}
              onInput={(event) => player.setRow(stem, { pan: Number(event.currentTarget.value) })}
              onDblClick={() => player.setRow(stem, { pan: 0 })}
              title={t('pan')}
            />
            <output>{panText(row.pan)}</output>
          </label>
          </div>
          <Meter
            session={session}
            peak={({ player: { peaks, compare } }) => (compare.value ? 0 : (peaks[stem] ?? 0))}
          />
        </div>
      </div>
      <Lane session={session} row={stem} place={place} />
    </>
  );
}
