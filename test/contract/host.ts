import type { Test } from 'tap';
import type { Fabric, HostNetwork, Routers } from '../../daemon/kernel/port.js';
import { addressKey, neighbourKey } from '../../src/fabric/keys.js';
import type { AddressState, NeighbourState } from '../../src/fabric/state.js';
import { hostRouteKey } from '../../src/host/keys.js';
import type { HostLink, HostRouteState, HostState, HostStep } from '../../src/host/state.js';
import { IpAddress, Mac, Prefix } from '../../src/model/address.js';
import type { ErrorCode } from '../../src/model/errors.js';

interface Case {
  readonly name: string;
  readonly steps: readonly HostStep[];
  /** What the host then holds besides the link, one line for each item. */
  readonly holds: readonly string[];
  /** The code with which the last step is refused. */
  readonly refused?: ErrorCode;
}

const mac0 = Mac.parse('02:03:00:00:00:00');
const mac1 = Mac.parse('02:03:00:00:00:01');
const link: HostLink = { name: 'nu-0', mac: mac0, up: true };
const setLink = (changes: Partial<HostLink> = {}): HostStep => ({ action: 'setLink', link: { ...link, ...changes } });

const address = (text: string, length: number, of = 'nu-0'): AddressState => ({ link: of, address: IpAddress.parse(text), length });
const addAddress = (...of: Parameters<typeof address>): HostStep => ({ action: 'addAddress', address: address(...of) });
const deleteAddress = (...of: Parameters<typeof address>): HostStep => ({ action: 'deleteAddress', address: address(...of) });
const neighbour = (text: string, of = 'nu-0'): NeighbourState => ({ link: of, address: IpAddress.parse(text), mac: mac1 });
const setNeighbour = (...of: Parameters<typeof neighbour>): HostStep => ({ action: 'setNeighbour', neighbour: neighbour(...of) });
const deleteNeighbour = (...of: Parameters<typeof neighbour>): HostStep => ({ action: 'deleteNeighbour', neighbour: neighbour(...of) });

const subnet = (prefix: string, via: string, source: string, of = 'nu-0'): HostRouteState => ({ kind: 'subnet', prefix: Prefix.parse(prefix), link: of, via: IpAddress.parse(via), source: IpAddress.parse(source) });
const ipv4Route = subnet('10.1.0.0/24', '169.254.240.1', '169.254.240.0');
const ipv6Route = subnet('fd00:1::/64', 'fd6c::1', 'fd6c::');
const loopback: HostRouteState = { kind: 'loopback', prefix: Prefix.parse('::1/128'), link: 'nu-0' };
const setRoute = (route: HostRouteState): HostStep => ({ action: 'setRoute', route });
const deleteRoute = (route: HostRouteState): HostStep => ({ action: 'deleteRoute', route });
const setSetting = (path: string, value: string): HostStep => ({ action: 'setSetting', path, value });
const setRules = (text: string): HostStep => ({ action: 'setRules', text });

const table = (rule: string): string => `table inet netctl_host {\n  chain forward {\n    type filter hook forward priority 0; policy accept;\n    ${rule}\n  }\n}\n`;

const up = 'nu-0 02:03:00:00:00:00 up';
const addressed = [setLink(), addAddress('169.254.240.0', 31), addAddress('fd6c::', 127)];
const addresses = ['nu-0 169.254.240.0/31', 'nu-0 fd6c::/127'];

/** Before each of them the router has made the uplink. */
const cases: readonly Case[] = [
  { name: 'an uplink is there as its router made it, and down', steps: [], holds: ['nu-0 02:03:00:00:00:00'] },
  { name: 'it is raised', steps: [setLink()], holds: [up] },
  { name: 'its MAC address is changed, which drops its neighbours', steps: [...addressed, setNeighbour('169.254.240.1'), setNeighbour('fd6c::1'), setLink({ mac: mac1 })], holds: ['nu-0 02:03:00:00:00:01 up', ...addresses] },
  {
    name: 'a link that goes down keeps its IPv4 addresses only',
    steps: [...addressed, ...[ipv4Route, ipv6Route, loopback].map(setRoute), setNeighbour('169.254.240.1'), setLink({ up: false }), setLink()],
    holds: [up, 'nu-0 169.254.240.0/31'],
  },
  { name: 'a link that is not there cannot be set', steps: [setLink({ name: 'nu-9' })], holds: ['nu-0 02:03:00:00:00:00'], refused: 'unavailable' },
  { name: 'a deleted link takes all that is on it along', steps: [...addressed, setRoute(ipv4Route), setNeighbour('169.254.240.1'), ...['nu-0', 'nu-0'].map((name): HostStep => ({ action: 'deleteLink', name }))], holds: [] },
  { name: 'addresses, added twice', steps: [...addressed, ...addressed.slice(1)], holds: [up, ...addresses] },
  { name: 'addresses are deleted, and those that are not there', steps: [...addressed, deleteAddress('fd6c::', 127), deleteAddress('fd6c::', 127), deleteAddress('10.0.0.9', 24)], holds: [up, 'nu-0 169.254.240.0/31'] },
  { name: 'an address without its link is refused', steps: [setLink(), addAddress('169.254.240.0', 31, 'nu-9')], holds: [up], refused: 'unavailable' },
  {
    name: 'neighbours are made, and deleted once and twice',
    steps: [...addressed, setNeighbour('169.254.240.1'), setNeighbour('fd6c::1'), deleteNeighbour('fd6c::1'), deleteNeighbour('fd6c::1')],
    holds: [up, ...addresses, 'nu-0 169.254.240.1 02:03:00:00:00:01'],
  },
  {
    name: 'routes, added twice',
    steps: [...addressed, ...[ipv4Route, ipv6Route, loopback, ipv4Route, ipv6Route, loopback].map(setRoute)],
    holds: [up, ...addresses, '10.1.0.0/24 nu-0 via 169.254.240.1 from 169.254.240.0', 'fd00:1::/64 nu-0 via fd6c::1 from fd6c::', '::1/128 nu-0 loopback'],
  },
  {
    name: 'a route is changed in place',
    steps: [...addressed, addAddress('169.254.240.4', 31), setRoute(subnet('10.1.0.0/24', '169.254.240.5', '169.254.240.4')), setRoute(ipv4Route)],
    holds: [up, ...addresses, 'nu-0 169.254.240.4/31', '10.1.0.0/24 nu-0 via 169.254.240.1 from 169.254.240.0'],
  },
  { name: 'routes are deleted, and those that are not there', steps: [...addressed, ...[ipv4Route, ipv6Route, loopback].flatMap((route) => [setRoute(route), deleteRoute(route), deleteRoute(route)])], holds: [up, ...addresses] },
  { name: 'a route to who is not on the link is refused', steps: [setLink(), addAddress('169.254.240.0', 31), setRoute(subnet('10.1.0.0/24', '169.254.240.3', '169.254.240.0'))], holds: [up, 'nu-0 169.254.240.0/31'], refused: 'unavailable' },
  { name: 'a route with a source that the host does not have is refused', steps: [...addressed, setRoute(subnet('10.1.0.0/24', '169.254.240.1', '169.254.240.9'))], holds: [up, ...addresses], refused: 'internal' },
  {
    name: 'the last IPv4 address takes IPv4 routes and neighbours along',
    steps: [...addressed, ...[ipv4Route, ipv6Route].map(setRoute), setNeighbour('169.254.240.1'), setNeighbour('fd6c::1'), deleteAddress('169.254.240.0', 31)],
    holds: [up, 'nu-0 fd6c::/127', 'fd00:1::/64 nu-0 via fd6c::1 from fd6c::', 'nu-0 fd6c::1 02:03:00:00:00:01'],
  },
  { name: 'an IPv6 route forgets a source that is deleted', steps: [...addressed, addAddress('fd6c::4', 127), setRoute(ipv6Route), deleteAddress('fd6c::', 127), deleteAddress('fd6c::4', 127)], holds: [up, 'nu-0 169.254.240.0/31', 'fd00:1::/64 nu-0 via fd6c::1'] },
  { name: 'the steps before a refused one are done, those after it are not', steps: [setLink(), setLink({ name: 'nu-9' })], holds: [up], refused: 'unavailable' },
];

/** What every implementation of HostNetwork does. The uplink of the router `blue` is made by `fabric`. */
export async function hostContract(t: Test, routers: Routers, fabric: Fabric, host: HostNetwork): Promise<void> {
  const makeUplink = async (t: Test): Promise<void> => {
    await routers.ensure('blue');
    t.teardown(() => routers.remove('blue'));
    const peer = { name: 'nu-0', mac: mac0, mtu: 1500 };
    await fabric.apply('blue', [{ action: 'createUplink', link: { kind: 'uplink', name: 'uplink', mac: mac1, up: true }, peer }]);
  };

  for (const { name, steps, holds, refused } of cases) {
    await t.test(name, async (t) => {
      await makeUplink(t);
      const applied = host.apply(refused ? [...steps, { action: 'deleteLink', name: 'nu-0' }] : steps);
      await (refused ? t.rejects(applied, { name: 'NetctlError', code: refused }) : applied);
      t.same(linesOf(await host.read()), [...holds].toSorted());
    });
  }

  await t.test('the host loses its end with the router, and gets one with nothing on it', async (t) => {
    await makeUplink(t);
    await host.apply(addressed);
    await routers.remove('blue');
    // The kernel takes its time to clear a namespace away.
    while ((await host.read()).links.size > 0);
    t.same(linesOf(await host.read()), []);
    await makeUplink(t);
    t.same(linesOf(await host.read()), ['nu-0 02:03:00:00:00:00']);
  });

  await t.test("the router loses its end with the host's", async (t) => {
    await makeUplink(t);
    await host.apply([{ action: 'deleteLink', name: 'nu-0' }]);
    t.same([...(await fabric.read('blue')).links.keys()], []);
  });

  await t.test('settings, of the host and of links that there are', async (t) => {
    await makeUplink(t);
    const before = (await host.read()).settings;
    t.equal(before.get('ipv4/ip_forward'), '0');
    t.equal(before.get('ipv4/conf/nu-0/route_localnet'), '0');
    t.notOk(before.has('ipv4/conf/nu-9/route_localnet'));
    await host.apply([setSetting('ipv4/conf/nu-0/route_localnet', '1'), setSetting('ipv6/conf/nu-0/accept_ra', '0'), setSetting('ipv4/ip_forward', '1')]);
    const { settings } = await host.read();
    for (const [path, value] of [['ipv4/conf/nu-0/route_localnet', '1'], ['ipv6/conf/nu-0/accept_ra', '0'], ['ipv4/ip_forward', '1']] as const) t.equal(settings.get(path), value, path);
    await t.rejects(host.apply([setSetting('ipv4/conf/nu-9/route_localnet', '1')]), { code: 'unavailable' });
    await host.apply([setSetting('ipv4/ip_forward', '0')]);
  });

  await t.test('rules are written, replaced and deleted', async (t) => {
    t.equal((await host.read()).rules, undefined);
    const first = table('iifname "nu-*" drop');
    const second = table('oifname "nu-*" drop');
    for (const text of [first, first, second]) {
      await host.apply([setRules(text)]);
      t.equal((await host.read()).rules, text);
    }
    for (const step of [1, 2]) {
      await host.apply([{ action: 'deleteRules' }]);
      t.equal((await host.read()).rules, undefined, `deleted ${step}`);
    }
  });

  await t.test('each acceptance is made and taken back, once and twice', async (t) => {
    for (const accept of (await host.read()).accepts.keys()) {
      for (const present of [true, true, false, false]) {
        await host.apply([{ action: 'setAccept', accept, present }]);
        t.same([...(await host.read()).accepts].filter(([, is]) => is).map(([key]) => key), present ? [accept] : []);
      }
    }
  });
}

/** The items of a state, one line each, in alphabetical order. */
function linesOf(state: HostState): string[] {
  return [
    ...[...state.links.values()].map(({ name, mac, up }) => [name, mac.text, ...(up ? ['up'] : [])].join(' ')),
    ...[...state.addresses.values()].map(addressKey),
    ...[...state.neighbours.values()].map((item) => `${neighbourKey(item)} ${item.mac.text}`),
    ...[...state.routes.values()].map(routeLine),
  ].toSorted();
}

function routeLine(route: HostRouteState): string {
  if (route.kind === 'loopback') return `${hostRouteKey(route)} loopback`;
  return [hostRouteKey(route), 'via', route.via.toString(), ...(route.source ? ['from', route.source.toString()] : [])].join(' ');
}
