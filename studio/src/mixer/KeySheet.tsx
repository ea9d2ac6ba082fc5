/** The help sheet. */

import { t } from '../texts.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { KEYS } from './keys.ts';

export const KeySheet = ({ close }: { close: () => void }) => (
  <Dialog title={t('keys')} close={close} wide>
    <dl class="keys">
      {KEYS.map(([keys, text]) => (
        <div key={keys}>
          <dt>
            {keys.split(' ').map((key) => (key === '–' ? ' – ' : <kbd>{key}</kbd>))}
          </dt>
          <dd>{t(text)}</dd>
        </div>
      ))}
    </dl>
  </Dialog>
);
