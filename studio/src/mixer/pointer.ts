/** Pointer and wheel on the lanes: a click seeks, the wheel with Ctrl zooms, sideways it moves the view. */

import { zoomed, fitted } from './view.ts';
import type { Session } from './session.ts';

export function frameAt(event: MouseEvent, session: Session): number {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  const part = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const { start, count } = session.view.value;
  return Math.round(start + part * count);
}

export function pointerSeek(session: Session) {
  const { player, view } = session;
  return {
    onClick: (event: MouseEvent) => player.seek(frameAt(event, session)),
    onWheel: (event: WheelEvent) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        view.value = zoomed(view.value, 1.003 ** event.deltaY, frameAt(event, session), player.length);
      } else if (event.deltaX !== 0 || event.shiftKey) {
        event.preventDefault();
        const pixels = event.deltaX || event.deltaY;
        const move = (pixels * view.value.count) / Math.max(1, session.width.value);
        session.follow.value = false;
        view.value = fitted({ start: view.value.start + move, count: view.value.count }, player.length);
      }
    },
  };
}
