import t from 'tap';
import { judgeHost, type HostFacts } from '../../../src/checkup/host.js';
import { healthyHost } from '../control/bed.js';

const wrong = (changes: Partial<HostFacts>, hasUplinks = true): string[] =>
  judgeHost({ ...healthyHost, ...changes }, hasUplinks).flatMap(({ check, status, message }) => (status === 'ok' ? [] : [`${status} ${check}: ${message}`]));

t.test('a healthy host', (t) => {
  t.strictSame(wrong({}), []);
  t.ok(judgeHost(healthyHost, true).every(({ remedy }) => remedy === undefined), 'where all is well nothing is to be done');
  t.end();
});

t.test('what is wrong with a host', (t) => {
  const { programs } = healthyHost;
  const cases: [Partial<HostFacts>, string][] = [
    [{ kernel: '5.9.16' }, 'failed kernel: Linux 5.9.16 is older than 5.10'],
    [{ kernel: '4.19.0-25-amd64' }, 'failed kernel: Linux 4.19.0-25-amd64 is older than 5.10'],
    [{ programs: { ...programs, nft: '0.9.8' } }, 'failed nft: nft 0.9.8 is older than 1.0.1'],
    [{ programs: { ...programs, nft: undefined } }, 'failed nft: the program nft does not run'],
    [{ programs: { ...programs, conntrack: undefined } }, 'failed conntrack: the program conntrack does not run'],
    [{ programs: { ...programs, iptables: undefined } }, 'warning iptables: the program iptables does not run: a firewall made with it cannot be told to let containers out'],
    [{ bridgeNetfilter: false }, 'failed bridge netfilter: the kernel has no bridge netfilter: services do not work within a network'],
    [{ forwarding: false }, 'failed forwarding: the host does not forward packets: containers do not reach the outside, and published ports lead nowhere'],
    [{ dockerVersion: undefined }, 'failed docker: Docker does not answer'],
    [{ dockerVersion: '19.03.15' }, 'failed docker: Docker 19.03.15 is older than 20.10'],
    [{ pluginAnswers: false }, 'failed plugin: the plugin does not answer at its socket: Docker cannot start containers on netctl networks'],
    [{ stateWritable: false }, 'failed state: the directory of the state cannot be written'],
    [{ freeBytes: 99 * 1024 * 1024 }, 'warning state: only 99 MiB are free where the state is'],
    [{ freeBytes: 1024 * 1024 }, 'failed state: 1 MiB are free where the state is: nothing can be changed'],
    [{ connections: [{ tenant: 'blue', count: 800, most: 1000 }] }, 'warning connections of blue: the router of tenant blue tracks 800 connections of at most 1000'],
  ];
  for (const [changes, expected] of cases) {
    t.strictSame(wrong(changes), [expected]);
    t.ok(judgeHost({ ...healthyHost, ...changes }, true).every(({ status, remedy }) => (status === 'ok') === (remedy === undefined)), 'with what to do');
  }
  t.end();
});

t.test('what is fine', (t) => {
  for (const kernel of ['5.10.0', '5.10', '6.18.44-fc-v595', '10.1']) t.strictSame(wrong({ kernel }), [], kernel);
  for (const dockerVersion of ['20.10.0', '28.2.2', '27.0.0-rc.1']) t.strictSame(wrong({ dockerVersion }), [], dockerVersion);
  t.strictSame(wrong({ forwarding: false }, false), [], 'nobody needs the host to forward');
  t.end();
});
