import '@fontsource-variable/inter/wght.css';
import './styles/base.css';
import './styles/library.css';
import './styles/mixer.css';
import './styles/lyrics.css';

import { render } from 'preact';

import { App } from './app.tsx';
import { start } from './store.ts';

start();
render(<App />, document.getElementById('app')!);
