import t from 'tap';
import type { FindingObject } from '../../../src/wire/objects.js';
import { Api, ok } from './harness.js';

const well: FindingObject = { check: 'nft', status: 'ok', message: 'nft 1.0.6' };
const so: FindingObject = { check: 'state', status: 'warning', message: 'only 99 MiB are free where the state is', remedy: 'make room on its disk' };
const bad: FindingObject = { check: 'docker', status: 'failed', message: 'Docker does not answer', remedy: 'start Docker' };

t.test('what is wrong is told with what to do, and by the exit code', async (t) => {
  const api = await Api.listen({ 'GET /api/v1/doctor/': ok([well, so, bad]), 'POST /api/v1/doctor/': ok([well, so]) });
  t.teardown(() => api.close());
  t.match(await api.netctl('doctor'), {
    code: 5,
    stdout: 'ok       nft: nft 1.0.6\nwarning  state: only 99 MiB are free where the state is\n         make room on its disk\nFAILED   docker: Docker does not answer\n         start Docker\n',
    stderr: 'netctl: 1 of 3 checks failed\n',
  });
  t.match(await api.netctl('doctor', '--repair'), { code: 0, stdout: /^ok .*\nwarning .*\n.*\nAll 2 checks passed\.\n$/, stderr: '' });
  t.match(await api.netctl('doctor', '-j'), { code: 5, stdout: `${JSON.stringify([well, so, bad], null, 2)}\n` });
});
