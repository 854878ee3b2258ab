import { command } from './command.js';
import { rekeyPath } from './paths.js';

export const rekey = command({
  name: 'rekey',
  summary: 'Make the host that is asked another key for encrypted connections',
  details:
    'All hosts send to the new key as soon as they can, which takes a second or two; the old one goes a minute later. Nothing is lost meanwhile. ' +
    'Each host makes its keys itself, so it is the host that --netmaster leads to: run this on each in turn.',
  flags: {},
  examples: ['netctl host rekey'],
  async run(_names, _values, { api, output }) {
    await api.change('POST', rekeyPath);
    await output.print('This host has another key');
  },
});
