/** The words as a singer would see them: this line and the next, filled as they are sung. */

import { useComputed, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { useFrames } from '../mixer/frames.ts';
import { seconds, type Session } from '../mixer/session.ts';
import { shownAt } from './formats.ts';
import { complete } from './model.ts';
import type { Editing } from './session.ts';

export function Preview({ session, editing }: { session: Session; editing: Editing }) {
  const lines = useComputed(() => complete(editing.song.value.lines));
  const shown = useSignal(0);
  const row = useRef<HTMLParagraphElement>(null);
  useFrames(() => {
    const time = seconds(session, session.player.position());
    const line = shownAt(lines.value, time);
    if (line !== shown.value) shown.value = line;
    const words = lines.value[line];
    if (!words || !row.current) return;
    [...row.current.children].forEach((element, i) => {
      const one = words[i];
      if (!one) return;
      const part = (time - one.start!) / Math.max(1e-3, one.end! - one.start!);
      (element as HTMLElement).style.setProperty('--sung', `${100 * Math.max(0, Math.min(1, part))}%`);
    });
  }, [session]);
  const line = lines.value[shown.value] ?? [];
  const next = lines.value[shown.value + 1] ?? [];
  if (lines.value.length === 0) return null;
  return (
    <div class="preview" aria-hidden="true" dir="auto">
      <p ref={row}>
        {line.map((one, i) => (
          <span key={i}>{one.text}</span>
        ))}
      </p>
      <p class="coming">{next.map(({ text }) => text).join('')}</p>
    </div>
  );
}
