import t, { type Test } from 'tap';
import { emptyNat } from '../../../src/nat/state.js';
import { Bed, healthyHost, networkRequest, serviceRequest } from './bed.js';

async function started(t: Test): Promise<Bed> {
  const bed = new Bed();
  t.teardown(() => bed.stop());
  await bed.start();
  await bed.control.createNetwork(networkRequest('default', 'n1', '10.1.1.0/24', '10.1.1.254'));
  await bed.control.createService(serviceRequest('default', 'web', 'n1', 'app=a'));
  return bed;
}

const wrong = async (bed: Bed): Promise<string[]> => (await bed.control.examine()).flatMap(({ check, status, message }) => (status === 'ok' ? [] : [`${check}: ${message}`]));

t.test('all is well', async (t) => {
  const bed = await started(t);
  t.strictSame(await wrong(bed), []);
  t.strictSame((await bed.control.examine()).map(({ check }) => check).slice(-2), ['docker networks', 'router of default']);
});

t.test('what somebody else changed is seen, and repaired when that is wanted', async (t) => {
  const bed = await started(t);
  await bed.kernel.nftables.replace('default', emptyNat);
  t.match(await wrong(bed), [/^router of default: the kernel differs from what is desired in \d+ places \(rule \d+\): somebody else changed it$/]);
  t.match(await wrong(bed), [/differs/], 'to look changes nothing');
  await bed.control.repair();
  t.strictSame(await wrong(bed), []);
  await bed.kernel.routers.remove('default');
  t.match(await wrong(bed), [/^router of default: /]);
  await bed.control.repair();
  t.strictSame(await wrong(bed), []);
});

t.test('a Docker network that is gone', async (t) => {
  const bed = await started(t);
  bed.docker.networks.clear();
  t.strictSame(await wrong(bed), ['docker networks: Docker has no network for default:n1']);
  await bed.control.repair();
  t.strictSame(await wrong(bed), []);
});

t.test('a kernel that refuses', async (t) => {
  const bed = await started(t);
  bed.refuses = () => true;
  await bed.control.repair();
  t.match(await wrong(bed), [/^router of default: /]);
  bed.refuses = () => false;
  await bed.control.repair();
  t.strictSame(await wrong(bed), []);
});

t.test('without Docker its networks are not told to be gone', async (t) => {
  const bed = await started(t);
  bed.facts = { ...healthyHost, dockerVersion: undefined };
  t.strictSame(await wrong(bed), ['docker: Docker does not answer']);
});

t.test('netctld started a moment ago: the router may be as an earlier one left it', async (t) => {
  const bed = await started(t);
  await bed.stop();
  bed.dockerIsAway = true;
  await bed.start();
  t.match(await wrong(bed), [/^docker networks: /, /^router of default: it is as it was before netctld started/], 'whose containers may be providers is not known yet');
  bed.dockerReturns();
  await bed.settle();
  t.strictSame(await wrong(bed), []);
});
