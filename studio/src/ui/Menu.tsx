/** A button with a panel below it, which Escape and a press elsewhere close. */

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  label: ComponentChildren;
  kind?: string;
  children: ComponentChildren;
}

export function Menu({ label, kind, children }: Props) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const shut = (event: Event) => {
      const outside = event.type === 'keydown' || !menu.current?.contains(event.target as Node);
      const escape = (event as KeyboardEvent).key === 'Escape';
      if (outside && (event.type !== 'keydown' || escape)) menu.current?.removeAttribute('open');
    };
    window.addEventListener('pointerdown', shut);
    window.addEventListener('keydown', shut);
    return () => {
      window.removeEventListener('pointerdown', shut);
      window.removeEventListener('keydown', shut);
    };
  }, []);
  return (
    <details class={kind ? `menu ${kind}` : 'menu'} ref={menu}>
      <summary class="button">{label}</summary>
      <div class="menu-body">{children}</div>
    </details>
  );
}
