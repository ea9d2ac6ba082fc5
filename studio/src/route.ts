/** The page's address: `#/`, `#/job/ID`, `#/lyrics/ID`, `#/about`. */

import { signal } from '@preact/signals';

export interface Route {
  page: 'home' | 'job' | 'lyrics' | 'about';
  id: string;
}

function read(): Route {
  const [, page, id = ''] = window.location.hash.split('/');
  if ((page === 'job' || page === 'lyrics') && id) return { page, id: decodeURIComponent(id) };
  return { page: page === 'about' ? 'about' : 'home', id: '' };
}

export const route = signal<Route>(read());
window.addEventListener('hashchange', () => (route.value = read()));

export const addressOf = (page: Route['page'], id = ''): string =>
  page === 'home' ? '#/' : id ? `#/${page}/${encodeURIComponent(id)}` : `#/${page}`;

export function go(page: Route['page'], id = ''): void {
  window.location.hash = addressOf(page, id);
}
