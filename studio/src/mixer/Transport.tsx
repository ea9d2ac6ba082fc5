/** Play, place, loop, comparison, key, tempo, count-in, zoom. */

import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { number, t } from '../texts.ts';
import { Icon } from '../ui/icons.tsx';
import { Menu } from '../ui/Menu.tsx';
import { clock } from '../ui/words.ts';
import { useFrames } from './frames.ts';
import { seconds, SHOWS, zoom, type Session } from './session.ts';
import { Stepper } from './Stepper.tsx';

export function Transport({ session, openHelp }: { session: Session; openHelp: () => void }) {
  const { player, show, view, follow } = session;
  const running = player.running.value;
  const open = useSignal(false);
  return (
    <div class="transport" role="toolbar" aria-label={t('transport')}>
      <div class="group">
        <button class="icon-only" onClick={() => player.seek(0)} aria-label={t('start')} title={t('start')}>
          <Icon name="start" />
        </button>
        <button
          class="primary play"
          onClick={() => player.toggle()}
          aria-label={running ? t('pause') : t('play')}
          aria-pressed={running}
        >
          <Icon name={running ? 'pause' : 'play'} />
        </button>
        <Place session={session} />
      </div>
      <button
        class="tools-toggle"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {t('tools')}
      </button>
      <div class={open.value ? 'tools open' : 'tools'}>
      <div class="group">
        <button
          class="toggle"
          aria-pressed={player.looping.value}
          disabled={player.loop.value === null}
          onClick={() => (player.looping.value = !player.looping.value)}
          title={t('loop.hint')}
        >
          <Icon name="loop" />
          {t('loop')}
        </button>
        <button
          class="toggle"
          aria-pressed={player.compare.value}
          onClick={() => player.setCompare(!player.compare.value)}
          title={t('compare.hint')}
        >
          {t('compare')}
        </button>
      </div>
      <div class="group">
        <Stepper
          label={t('key')}
          value={player.semitones.value}
          low={-12}
          high={12}
          step={1}
          neutral={0}
          text={(value) => (value > 0 ? `+${number(value)}` : number(value))}
          set={(value) => (player.semitones.value = value)}
        />
        <Stepper
          label={t('tempo')}
          value={Math.round(100 * player.tempo.value)}
          low={50}
          high={200}
          step={5}
          neutral={100}
          text={(value) => `${number(value)} %`}
          set={(value) => (player.tempo.value = value / 100)}
        />
      </div>
      <Menu
        kind="count-in"
        label={
          player.countIn.value.beats > 0
            ? t('countin.on', { n: player.countIn.value.beats })
            : t('countin')
        }
      >
        <Stepper
          label={t('countin.beats')}
          value={player.countIn.value.beats}
          low={0}
          high={8}
          step={1}
          neutral={0}
          text={(value) => number(value)}
          set={(beats) => (player.countIn.value = { ...player.countIn.value, beats })}
        />
        <Stepper
          label={t('countin.bpm')}
          value={player.countIn.value.bpm}
          low={30}
          high={300}
          step={1}
          neutral={120}
          text={(value) => number(value)}
          set={(bpm) => (player.countIn.value = { ...player.countIn.value, bpm })}
        />
      </Menu>
      <div class="grow" />
      <div class="group segmented" role="group" aria-label={t('show')}>
        {SHOWS.map((name) => (
          <button
            key={name}
            aria-pressed={show.value === name}
            onClick={() => {
              localStorage.setItem('show', name);
              show.value = name;
            }}
          >
            {t(`show.${name}`)}
          </button>
        ))}
      </div>
      <div class="group">
        <button class="toggle" aria-pressed={follow.value} onClick={() => (follow.value = !follow.value)}>
          {t('follow')}
        </button>
        <button
          class="icon-only"
          aria-label={t('zoom.out')}
          title={t('zoom.out')}
          disabled={view.value.count >= player.length}
          onClick={() => zoom(session, 2)}
        >
          <Icon name="minus" />
        </button>
        <button class="icon-only" aria-label={t('zoom.in')} title={t('zoom.in')} onClick={() => zoom(session, 0.5)}>
          <Icon name="plus" />
        </button>
        <button class="icon-only" aria-label={t('keys')} title={t('keys')} onClick={openHelp}>
          <Icon name="keys" />
        </button>
      </div>
      </div>
    </div>
  );
}

/** Written before each frame without the rest of the page. */
function Place({ session }: { session: Session }) {
  const element = useRef<HTMLSpanElement>(null);
  const shown = useRef('');
  const { player } = session;
  useFrames(() => {
    const text = clock(seconds(session, player.position()), 2);
    if (text === shown.current || !element.current) return;
    shown.current = text;
    element.current.textContent = text;
  }, [session]);
  return (
    <span class="place" role="timer" aria-live="off" aria-label={t('place')}>
      <span ref={element}>0:00.00</span>
      <span class="faint"> / {clock(seconds(session, player.length))}</span>
    </span>
  );
}
