import '../support/throw-away-host.js';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { routerPath } from '../../daemon/kernel/netns.js';
import { openNfnetlink } from '../../daemon/kernel/nfnetlink.js';
import { familyNumbers, NFT_MSG_GET } from '../../daemon/kernel/nf-tables.js';
import { dump } from '../../daemon/kernel/nft-dump.js';
import { readElements } from '../../daemon/kernel/nft-elements.js';
import type { AddressTexts } from '../../daemon/kernel/nft-words.js';
import { KernelNftables } from '../../daemon/kernel/nftables.js';
import { KernelRouters } from '../../daemon/kernel/routers.js';
import { RtnetlinkSockets } from '../../daemon/kernel/rtnetlink-sockets.js';
import { IpAddress } from '../../src/model/address.js';
import { diffNat } from '../../src/nat/diff.js';
import { setNames, type NatElement } from '../../src/nat/elements.js';
import { planNat } from '../../src/nat/plan.js';
import { renderReplacement, renderChange } from '../../src/nat/render.js';
import { emptyNat, natFamilies, type NatFamily, type NatState } from '../../src/nat/state.js';
import { parseListing } from '../support/nft-listing.js';
import { network, service } from '../unit/nat/arbitraries.js';
import { nftablesContract } from './nftables.js';

// What netctl reads by netlink is what nft prints, and whole.

const sockets = new RtnetlinkSockets();
const routers = new KernelRouters(sockets);
t.teardown(() => sockets.close());

/** Two that read alike: one lists all, the other looks up what it can. */
const readers = { listing: new KernelNftables(routerPath, Infinity), lookup: new KernelNftables(routerPath, 0) };
const nftables = readers.listing;
const namespace = routerPath('blue');

/** The text goes through nft in the router. */
const nft = (text: string): void => void execFileSync('nsenter', [`--net=${namespace}`, 'nft', '--file', '/dev/stdin'], { input: text, stdio: ['pipe', 'inherit', 'inherit'] });
const listed = (family: NatFamily): string => execFileSync('nsenter', [`--net=${namespace}`, 'nft', '--json', 'list', 'table', family, 'netctl'], { encoding: 'utf8' });

async function inRouter(t: Test): Promise<void> {
  await routers.ensure('blue');
  t.teardown(() => routers.remove('blue'));
}

async function onSocket<T>(work: (socket: number) => Promise<T>): Promise<T> {
  const socket = openNfnetlink(namespace);
  try {
    return await work(socket);
  } finally {
    closeSync(socket);
  }
}

const newTexts = (): AddressTexts => ({ ipv4: new Map(), ipv6: new Map() });

const ipv4 = fc.integer({ min: 0, max: 0xffff_ffff }).map((value) => IpAddress.fromValue(4, BigInt(value)).toString());
/** With zeros in all places, as these are written in more than one way. */
const ipv6 = fc.array(fc.constantFrom(0, 0, 1, 0xabc, 0xffff), { minLength: 8, maxLength: 8 }).map((units) => IpAddress.parse(units.map((unit) => unit.toString(16)).join(':')).toString());
const port = fc.integer({ min: 0, max: 65_535 });
const protocol = fc.constantFrom('tcp', 'udp');
const mark = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ unit: fc.constantFrom(...'abz09.-_@+:'), minLength: 1, maxLength: 15 }).map((text) => `"${text}"`);

const joined = (...words: readonly fc.Arbitrary<string | number>[]): fc.Arbitrary<string> => fc.tuple(...words).map((each) => each.join(' . '));

const anyElements = (address: fc.Arbitrary<string>): fc.Arbitrary<NatElement[]> => {
  const several = (set: NatElement['set'], key: fc.Arbitrary<string>, data?: fc.Arbitrary<string>): fc.Arbitrary<NatElement[]> =>
    fc.uniqueArray(fc.record({ set: fc.constant(set), key, ...(data && { data }) }), { maxLength: 6, selector: (element) => element.key });
  return fc.tuple(
    several('services', joined(address, protocol, port), mark.map(String)),
    several('balancers', mark.map(String), fc.constantFrom('goto balance_2_0', 'goto source_7')),
    several('slots', joined(address, protocol, port, mark), joined(address, port)),
    several('service_ips', joined(address)),
    several('legs', joined(address, protocol, port, address), mark.map(String)),
    several('traffic', joined(mark, fc.constantFrom('original', 'reply'))),
    several('hairpin', joined(address, address), address),
    several('segments', joined(name, name)),
    several('routed', joined(name, name)),
  ).map((sets) => sets.flat());
};

const chains = [{ algorithm: 'roundrobin', slots: 2, turn: 0 }, { algorithm: 'source', slots: 7, turn: 0 }] as const;
const lines = (elements: readonly NatElement[]): string[] => elements.map(({ set, key, data = '' }) => `${set} ${key} : ${data}`).toSorted();

t.test('any elements are read as nft prints them', async (t) => {
  await inRouter(t);
  const property = fc.asyncProperty(anyElements(ipv4), anyElements(ipv6), async (ip, ip6) => {
    nft(renderReplacement(emptyNat) + natFamilies.map((family) => renderChange(family, { chains, deletes: [], adds: { ip, ip6 }[family], unused: [] })).join(''));
    for (const family of natFamilies) {
      const read = await onSocket(async (socket) => {
        const found: NatElement[] = [];
        for (const set of setNames) {
          const { dumped, elements, isStrange } = await readElements(socket, family, set, newTexts());
          assert.deepEqual({ dumped, isStrange }, { dumped: 'whole', isStrange: false });
          found.push(...elements);
        }
        return found;
      });
      assert.deepEqual(lines(read), lines({ ip, ip6 }[family]));
      assert.deepEqual(lines(read), lines(parseListing(listed(family))?.elements ?? []));
    }
  });
  await t.resolves(fc.assert(property, { numRuns: 15, endOnFailure: true }));
});

t.test('what somebody added to an element is seen', async (t) => {
  await inRouter(t);
  nft(`table ip netctl {
    chain here {
    }
    set service_ips {
      type ipv4_addr
      flags timeout
      elements = { 10.1.0.1, 10.1.0.2 timeout 1h, 10.1.0.3 comment "mine" }
    }
    map services {
      type ipv4_addr . inet_proto . inet_service : mark
      elements = { 10.1.0.1 . sctp . 81 : 7 }
    }
    map balancers {
      type mark : verdict
      elements = { 1 : drop, 2 : goto here }
    }
    set segments {
      type ifname . ifname
      flags interval
      elements = { "br1" . "br1" }
    }
  }\n`);
  const read = async (set: NatElement['set']) => onSocket((socket) => readElements(socket, 'ip', set, newTexts()));
  t.match(await read('service_ips'), { isStrange: true, elements: [{ key: '10.1.0.1' }] });
  t.equal((await read('service_ips')).elements.length, 1);
  t.match(await read('services'), { isStrange: false, elements: [{ key: '10.1.0.1 . 132 . 81', data: '7' }] });
  t.match(await read('balancers'), { isStrange: true, elements: [{ key: '2', data: 'goto here' }] });
  t.equal((await read('balancers')).elements.length, 1);
  t.equal((await read('segments')).isStrange, true, 'the end of an interval');
  t.equal((await read('slots')).dumped, 'missing');
});

const state = planNat({ networks: [network('br1', ['10.1.0.0/24', '10.1.0.254'])], services: [service('10.1.0.100', ['80:8080/tcp'], ['10.1.0.1', '10.1.0.2'])] });
const [someMark = 0, otherMark = 0] = [...state.ip.legs.values()].map((leg) => leg.mark);

for (const [how, reader] of Object.entries(readers)) {
  for (const foreign of [
    'add element ip netctl service_ips { 10.1.0.9 comment "mine" }',
    'add element ip netctl traffic { 5 . reply }',
    `delete element ip netctl traffic { ${someMark} . reply }`,
    `delete element ip netctl traffic { ${someMark} . reply }\nadd element ip netctl traffic { 5 . reply }`,
    `delete element ip netctl traffic { ${someMark} . reply }\nadd element ip netctl traffic { ${someMark} . reply comment "mine" }`,
    'add table ip netctl { flags dormant; }',
    'add quota ip6 netctl mine { over 10 mbytes }',
  ]) {
    t.test(`${how}: seen: ${foreign}`, async (t) => {
      await inRouter(t);
      await reader.replace('blue', state);
      t.type(await reader.read('blue'), 'object');
      nft(`${foreign}\n`);
      t.equal(await reader.read('blue'), 'foreign');
    });
  }

  t.test(`${how}: what was counted`, async (t) => {
    await inRouter(t);
    await reader.replace('blue', state);
    nft(`flush set ip netctl traffic
      flush map ip netctl legs
      add element ip netctl legs { 10.1.0.100 . tcp . 80 . 10.1.0.1 counter packets 3 bytes 180 : ${someMark} }
      add element ip netctl legs { 10.1.0.100 . tcp . 80 . 10.1.0.2 counter packets 1 bytes 60 : ${otherMark} }
      add element ip netctl traffic { ${someMark} . original counter packets 4294967297 bytes 12345678901234 }
      add element ip netctl traffic { ${someMark} . reply counter packets 5 bytes 300 }
      add element ip netctl traffic { ${otherMark} . reply counter packets 6 bytes 360 }\n`);
    const found = (await reader.traffic('blue')).toSorted((a, b) => a.provider.compare(b.provider));
    t.match(found, [
      { port: 80, protocol: 'tcp', connections: 3, received: { packets: 4_294_967_300, bytes: 12_345_678_901_414 }, sent: { packets: 5, bytes: 300 } },
      { port: 80, protocol: 'tcp', connections: 1, received: { packets: 1, bytes: 60 }, sent: { packets: 6, bytes: 360 } },
    ]);
    t.equal(found.length, 2);
  });
}

t.test('looked up', (t) => nftablesContract(t, routers, readers.lookup, 10));

function texts(found: NatState | string): string {
  if (typeof found === 'string') return found;
  const { ports, serviceIps, legs, hairpins } = found.ip;
  return [...ports, ...serviceIps, ...legs, ...hairpins].map((item) => JSON.stringify(item)).toSorted().join('\n');
}

const nat = (count: number, providers: number): NatState => {
  const host = (index: number): string => `${index >> 8}.${index & 255}`;
  const services = Array.from({ length: count }, (_, index) => service(`10.1.${host(index)}`, ['80:80/tcp'], Array.from({ length: providers }, (_, provider) => `10.${2 + provider}.${host(index)}`)));
  return planNat({ networks: [network('br1', ['10.0.0.0/8', '10.255.255.254'])], services });
};

t.test('a hundred thousand elements of a set', async (t) => {
  await inRouter(t);
  const many = nat(5_000, 10);
  const bare = { ...emptyNat, ip: { ...emptyNat.ip, chains: many.ip.chains } };
  await nftables.replace('blue', bare);
  await nftables.apply('blue', diffNat(many, bare));
  const netctld = new KernelNftables(routerPath);
  const [found, expected] = [texts(await netctld.read('blue')), texts(many)].map((text) => text.split('\n'));
  t.same(found?.filter((line, place) => line !== expected?.[place]).slice(0, 3), []);
  t.equal(found?.length, expected?.length, 'all of them');
  t.equal((await netctld.traffic('blue')).length, 50_000);
  const keys = new Set((await onSocket((socket) => readElements(socket, 'ip', 'traffic', newTexts()))).elements.map(({ key }) => key));
  t.equal(keys.size, 100_000, 'listed');
  let messages = 0;
  const changed = await onSocket((socket) => dump(socket, { kind: NFT_MSG_GET.element, family: familyNumbers.ip, attributes: [[1, 'netctl'], [2, 'slots']] }, () => {
    messages += 1;
    if (messages === 2) nft('add element ip netctl traffic { 5 . reply }\n');
  }));
  t.equal(changed, 'changed', 'meanwhile');
});

t.test('what is read is of one moment', async (t) => {
  await inRouter(t);
  const states = [nat(60, 4), nat(60, 3)] as const;
  const [more, less] = states.map((each) => ({ ...each, ip: { ...each.ip, chains: new Map(states.flatMap(({ ip }) => [...ip.chains])) } }));
  if (!more || !less) throw new Error('there are two');
  await nftables.replace('blue', less);
  const known = [texts(more), texts(less)];
  for (let round = 0; round < 40; round += 1) {
    const reading = nftables.read('blue');
    for (let turn = 0; turn < round; turn += 1) await setImmediate();
    await nftables.apply('blue', round % 2 === 0 ? diffNat(more, less) : diffNat(less, more));
    t.ok(known.includes(texts(await reading)), 'before or after the change');
  }
});

t.test('what is changed all the time is not read', async (t) => {
  await inRouter(t);
  await nftables.replace('blue', state);
  let reading = true;
  const refused = t.rejects(nftables.read('blue').finally(() => (reading = false)), { code: 'unavailable', message: /netctl-blue were changed each of the 5 times while they were read: find out who does that$/ });
  const [change, back] = ['adds', 'deletes'].map((verb) => ({ ...diffNat(state, state), ip: { ...diffNat(state, state).ip, [verb]: [{ set: 'service_ips', key: '10.1.0.9' }] } }));
  while (reading && change && back) for (const each of [change, back]) await nftables.apply('blue', each);
  await refused;
});

t.test('an answer that is longer than the buffer is not taken for a whole one', async (t) => {
  await inRouter(t);
  await nftables.replace('blue', state);
  await t.rejects(onSocket((socket) => dump(socket, { kind: NFT_MSG_GET.rule, family: familyNumbers.ip }, () => undefined, 100)), { code: 'unavailable', message: /where netctl takes 100: that is a bug of netctl$/ });
});
