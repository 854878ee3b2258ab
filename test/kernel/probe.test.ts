import '../support/throw-away-host.js';
import { execa } from 'execa';
import t from 'tap';
import { KernelPinger } from '../../daemon/kernel/pinger.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { IpAddress } from '../../src/model/address.js';
import { whyNoRawSockets } from '../support/raw-sockets.js';
import { beginMtuSearch, foundMtu, learn, nextLength } from '../../src/probe/mtu-search.js';

// Echo requests from the host and from routers, over a path whose narrowest link is in the middle:
// this host -- left -- right -- far. What is between left and right has an MTU of its own. Besides, a segment that goes on at the far host by VXLAN.

const sockets = new RtnetlinkSockets();
const routers = new KernelRouters(sockets);
const pinger = new KernelPinger();
t.teardown(() => sockets.close());

const far = { 4: IpAddress.parse('192.0.2.18'), 6: IpAddress.parse('2001:db8:3::2') };
const ip = (...args: string[]): Promise<unknown> => execa('ip', args);
const inside = (name: string, ...command: string[]): Promise<unknown> => execa('ip', ['netns', 'exec', name, ...command]);
const setMiddle = async (mtu: number): Promise<void> => {
  await ip('-n', 'left', 'link', 'set', 'middle', 'mtu', String(mtu));
  await ip('-n', 'right', 'link', 'set', 'middle', 'mtu', String(mtu));
};

async function address(namespace: readonly string[], link: string, number: number, side: 1 | 2): Promise<void> {
  await ip(...namespace, 'address', 'add', `192.0.2.${number * 8 + side}/30`, 'dev', link);
  await ip(...namespace, 'address', 'add', `2001:db8:${number + 1}::${side}/64`, 'dev', link, 'nodad');
  await ip(...namespace, 'link', 'set', link, 'up');
}

/** Makes the path, with routes both ways; only the links at its ends are as large as they can be. */
async function makePath(): Promise<void> {
  for (const name of ['left', 'right', 'far']) {
    await ip('netns', 'add', name);
    await inside(name, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  }
  await ip('link', 'add', 'near', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'near', 'mtu', '9000', 'netns', 'left');
  await ip('-n', 'left', 'link', 'add', 'middle', 'type', 'veth', 'peer', 'name', 'middle', 'netns', 'right');
  await ip('-n', 'right', 'link', 'add', 'end', 'mtu', '9000', 'type', 'veth', 'peer', 'name', 'end', 'mtu', '9000', 'netns', 'far');
  await address([], 'near', 0, 1);
  await address(['-n', 'left'], 'near', 0, 2);
  await address(['-n', 'left'], 'middle', 1, 1);
  await address(['-n', 'right'], 'middle', 1, 2);
  await address(['-n', 'right'], 'end', 2, 1);
  await address(['-n', 'far'], 'end', 2, 2);
  for (const [namespace, v4, v6] of [[[], '192.0.2.2', '2001:db8:1::2'], [['-n', 'left'], '192.0.2.10', '2001:db8:2::2'], [['-n', 'right'], '192.0.2.9', '2001:db8:2::1'], [['-n', 'far'], '192.0.2.17', '2001:db8:3::1']] as const) {
    await ip(...namespace, 'route', 'add', 'default', 'via', v4);
    await ip(...namespace, '-6', 'route', 'add', 'default', 'via', v6);
  }
}

/** The same search that netctld makes. */
async function search(router: string | undefined, target: IpAddress, least: number, most: number, timeoutMs = 5000): Promise<number | undefined> {
  let state = beginMtuSearch(least, most);
  for (let length = nextLength(state); length !== undefined; length = nextLength(state)) {
    const { outcome } = await pinger.echo(router, target, { length, timeoutMs });
    if (outcome === 'unsent') throw new Error(`a packet of ${length} octets was not sent`);
    state = learn(state, outcome);
  }
  return foundMtu(state);
}

const options = { skip: whyNoRawSockets() };
if (options.skip === false) t.before(makePath);

for (const family of [4, 6] as const) {
  const target = far[family];

  t.test(`IPv${family}: an answer, and how long it took`, options, async (t) => {
    const echo = await pinger.echo(undefined, target, { length: 100, timeoutMs: 5000 });
    t.equal(echo.outcome, 'answered');
    if (echo.outcome === 'answered') t.ok(echo.milliseconds > 0 && echo.milliseconds < 5000, String(echo.milliseconds));
  });

  t.test(`IPv${family}: the narrowest link of the path is found, though this host's own is larger`, options, async (t) => {
    for (const mtu of [1500, 1400, 9000]) {
      await setMiddle(mtu);
      t.equal(await search(undefined, target, 1280, 9000), mtu);
    }
  });

  t.test(`IPv${family}: it is found when nobody tells of packets that are too long`, options, async (t) => {
    await setMiddle(1400);
    await inside('left', 'nft', 'add table inet silent; add chain inet silent out { type filter hook output priority 0; }; add rule inet silent out icmp type destination-unreachable drop; add rule inet silent out icmpv6 type packet-too-big drop');
    t.same(await pinger.echo(undefined, target, { length: 1401, timeoutMs: 200 }), { outcome: 'lost' });
    t.equal(await search(undefined, target, 1398, 1404, 200), 1400);
    await inside('left', 'nft', 'delete table inet silent');
  });

  t.test(`IPv${family}: what is longer than this host's own link is not cut into pieces`, options, async (t) => {
    t.same(await pinger.echo(undefined, target, { length: 9001, timeoutMs: 5000 }), { outcome: 'tooLong' });
  });
}

t.test('many at once do not take each other for their own', options, async (t) => {
  await setMiddle(1500);
  const nobody = IpAddress.parse('192.0.2.6');
  const echoes = await Promise.all(Array.from({ length: 40 }, (_, number) => pinger.echo(undefined, number % 2 === 0 ? far[4] : nobody, { length: 100, timeoutMs: 1000 })));
  t.ok(echoes.every(({ outcome }, number) => (outcome === 'answered') === (number % 2 === 0)), JSON.stringify(echoes));
});

t.test('what cannot be sent', options, async (t) => {
  await ip('route', 'add', 'unreachable', '198.51.100.0/24');
  t.match(await pinger.echo(undefined, IpAddress.parse('198.51.100.1'), { length: 100, timeoutMs: 5000 }), { outcome: 'unsent', reason: /route|unreachable/i });
  await t.rejects(pinger.echo('nobody', far[4], { length: 100, timeoutMs: 5000 }), { code: 'unavailable', message: /netctl-nobody cannot be opened/ });
});

const [own, theirs] = ['fd00::1', 'fd00::2'] as const;

/** A segment of its own from a router to the far host, made by hand. */
async function makeSegment(router: string, df: 'set' | 'unset'): Promise<void> {
  await ip('netns', 'add', 'remote');
  for (const [namespace, name, local, remote, address, other] of [
    [[], router, '192.0.2.1', '192.0.2.18', own, theirs],
    [['-n', 'far'], 'remote', '192.0.2.18', '192.0.2.1', theirs, own],
  ] as const) {
    const mac = (owner: string): string => `02:00:00:00:00:0${owner.at(-1)}`;
    await ip(...namespace, 'link', 'add', 'vx', 'address', mac(address), 'mtu', '8950', 'type', 'vxlan', 'id', '7', 'local', local, 'remote', remote, 'dstport', '4789', 'nolearning', 'df', df);
    await ip(...namespace, 'link', 'set', 'vx', 'netns', name);
    await ip('-n', name, 'address', 'add', `${address}/64`, 'dev', 'vx', 'nodad');
    await ip('-n', name, 'link', 'set', 'vx', 'up');
    await ip('-n', name, 'neigh', 'replace', other, 'lladdr', mac(other), 'dev', 'vx', 'nud', 'permanent');
  }
}

async function removeSegment(router: string): Promise<void> {
  await ip('-n', router, 'link', 'delete', 'vx');
  await ip('netns', 'delete', 'remote');
}

t.test('from a router, through VXLAN', options, async (t) => {
  await setMiddle(1500);
  // What was learnt before of the path to the far host would count for VXLAN's packets.
  for (const namespace of [[], ['-n', 'far']]) await ip(...namespace, 'route', 'flush', 'cache');
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
  const target = IpAddress.parse(theirs);
  await makeSegment('netctl-blue', 'set');
  t.equal((await pinger.echo('blue', target, { length: 100, timeoutMs: 5000 })).outcome, 'answered');
  t.equal((await pinger.echo(undefined, target, { length: 100, timeoutMs: 300 })).outcome, 'lost', 'the host itself is not in the segment');
  t.equal(await search('blue', target, 1446, 1454, 200), 1450, 'what is left of 1500 octets after the headers of IPv4, UDP, VXLAN and Ethernet');
  await removeSegment('netctl-blue');
  await makeSegment('netctl-blue', 'unset');
  t.equal(await search('blue', target, 1446, 1454, 200), 1454, 'where VXLAN lets its packets be cut, the narrowest link is not seen from within');
  await removeSegment('netctl-blue');
});
