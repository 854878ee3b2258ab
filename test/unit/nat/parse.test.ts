import t from 'tap';
import { parseTable } from '../../support/nft-listing.js';
import { baseChains, balanceRules, elementSets, versionChain } from '../../../src/nat/rules.js';

// Listings as nft 1.0.6 prints them, put together from the parts that it printed for such tables. That
// real tables are read back is shown by the contract suite.

type Json = Record<string, unknown>;
const elements: Record<string, unknown[]> = {
  services: [[{ concat: ['2001:db8::100', 'tcp', 80] }, 512]],
  balancers: [[512, { goto: { target: 'balance_2_0' } }]],
  slots: [
    [{ concat: ['2001:db8::100', 'tcp', 80, 1] }, { concat: ['2001:db8:0:1:1:1:1:1', 8080] }],
    [{ concat: ['2001:db8::100', 'tcp', 80, 0] }, { concat: ['::ffff:1.2.3.4', 8080] }],
  ],
  service_ips: ['2001:db8::100'],
  legs: [[{ elem: { val: { concat: ['2001:db8::100', 'tcp', 80, '2001:db8::1'] }, counter: { packets: 3, bytes: 180 } } }, 77]],
  traffic: (['reply', 'original'] as const).map((direction) => ({ elem: { val: { concat: [77, direction] }, counter: { packets: 1, bytes: 60 } } })),
  hairpin: [[{ concat: ['2001:db8::1', '2001:db8::1'] }, '2001:db8::fe']],
  segments: [{ concat: ['br1', 'br1'] }],
  routed: [{ concat: ['uplink', 'br1'] }],
};

function listing(of: Record<string, unknown[] | undefined> = elements): Json[] {
  const within = { family: 'ip6', table: 'netctl' };
  const rulesOf = (chain: string, comments: readonly string[]): Json[] => comments.map((comment) => ({ rule: { ...within, chain, comment, handle: 9, expr: [] } }));
  const chains = baseChains('ip6');
  const comments = balanceRules('ip6', { algorithm: 'roundrobin', slots: 2 }).map(({ comment }) => comment);
  return [
    { metainfo: { version: '1.0.6', release_name: 'Lester Gooch #5', json_schema_version: 1 } },
    { table: { family: 'ip6', name: 'netctl', handle: 1 } },
    ...elementSets('ip6').map(({ kind, name, type, counter }): Json => {
      const [key = '', map] = type.split(' : ');
      const keys = key.split(' . ');
      return { [kind]: { ...within, name, type: keys.length === 1 ? key : keys, handle: 2, ...(map && { map }), ...(counter && { stmt: [{ counter: null }] }), ...(of[name] && { elem: of[name] }) } };
    }),
    { chain: { ...within, name: versionChain('ip6'), handle: 3 } },
    ...chains.map(({ name, type, hook, priority, policy }) => ({ chain: { ...within, name, handle: 4, type, hook, prio: priority, policy } })),
    { chain: { ...within, name: 'balance_2_0', handle: 5 } },
    ...chains.flatMap(({ name, rules }) => rulesOf(name, rules.map(({ comment }) => comment))),
    ...rulesOf('balance_2_0', comments),
  ];
}

const parse = (items: readonly Json[]) => parseTable('ip6', JSON.stringify({ nftables: items }));

t.test('a table is read', (t) => {
  const state = parse(listing());
  t.same(JSON.parse(JSON.stringify(state && { ports: [...state.ports], ips: [...state.serviceIps], legs: [...state.legs], hairpins: [...state.hairpins], bridges: [...state.bridges], routed: [...state.routed.values()], chains: [...state.chains], balancers: [...state.balancers] })), {
    ports: [
      [
        '2001:db8::100 . tcp . 80',
        { address: '2001:db8::100', protocol: 'tcp', port: 80, chain: { algorithm: 'roundrobin', slots: 2, turn: 0 }, slots: [{ address: '::ffff:102:304', port: 8080 }, { address: '2001:db8:0:1:1:1:1:1', port: 8080 }] },
      ],
    ],
    ips: [['2001:db8::100', '2001:db8::100']],
    legs: [['2001:db8::100 . tcp . 80 . 2001:db8::1', { address: '2001:db8::100', protocol: 'tcp', port: 80, provider: '2001:db8::1', mark: 77 }]],
    hairpins: [['2001:db8::1 . 2001:db8::1', { client: '2001:db8::1', provider: '2001:db8::1', source: '2001:db8::fe' }]],
    bridges: ['br1'],
    routed: [{ from: 'uplink', to: 'br1' }],
    chains: [['balance_2_0', { algorithm: 'roundrobin', slots: 2, turn: 0 }]],
    balancers: [['balance_2_0', { algorithm: 'roundrobin', slots: 2, turn: 0 }]],
  });
  t.equal(parse(listing({}))?.ports.size, 0, 'without elements nft leaves out the list');
  t.equal(parse(listing().toReversed())?.ports.size, undefined, 'the order of rules counts');
  t.end();
});

t.test('what no plan led to is not taken for one', (t) => {
  const without = (match: (item: Json) => boolean): Json[] => listing().filter((item) => !match(item));
  const [nameOf, mapped] = [(item: Json) => (Object.values(item)[0] as { name?: string }).name, (set: string, elem: unknown[]) => listing({ ...elements, [set]: elem })];
  for (const [what, items] of [
    ['no objects', []],
    ['rules of another version', listing().map((item) => (nameOf(item) === versionChain('ip6') ? { chain: { name: 'version_00000000' } } : item))],
    ['a rule less', without((item) => 'rule' in item && (item['rule'] as Json)['comment'] === 'from port to port of a network')],
    ['a set less', without((item) => nameOf(item) === 'hairpin' && 'map' in item)],
    ['a chain less', without((item) => nameOf(item) === 'balance_2_0')],
    ['an object of a kind that we do not use', [...listing(), { counter: { name: 'c' } }]],
    ['a rule without a comment', [...listing(), { rule: { chain: 'forward', expr: [{ accept: null }] } }]],
    ['a slot less', mapped('slots', elements['slots']?.slice(1) ?? [])],
    ['a slot more', mapped('slots', [...(elements['slots'] ?? []), [{ concat: ['2001:db8::100', 'tcp', 80, 2] }, { concat: ['2001:db8::1', 8080] }]])],
    ['another verdict', mapped('balancers', [[512, { drop: null }]])],
    ['a way elsewhere', mapped('balancers', [[512, { goto: { target: 'forward' } }]])],
    ['a way by the number of another chain', mapped('balancers', [[512, { goto: { target: 'balance_2_0' } }], [513, { goto: { target: 'balance_2_0' } }]])],
    ['no way', mapped('balancers', [])],
    ['a number of no chain', mapped('services', [[{ concat: ['2001:db8::100', 'tcp', 80] }, 513]])],
    ['another protocol', mapped('services', [[{ concat: ['2001:db8::100', 'sctp', 80] }, 512]])],
    ['a way between networks', mapped('segments', [{ concat: ['br1', 'br2'] }])],
    ['an interface without a name', mapped('routed', [{ concat: ['', 'br1'] }])],
    ['a hairpin without a client', mapped('hairpin', [['2001:db8::2', '2001:db8::fe']])],
    ['traffic of one direction', mapped('traffic', elements['traffic']?.slice(1) ?? [])],
    ['traffic of no leg', mapped('traffic', [...(elements['traffic'] ?? []), { elem: { val: { concat: [78, 'reply'] }, counter: { packets: 0, bytes: 0 } } }])],
    ['a leg with a time-out', mapped('legs', [[{ elem: { val: { concat: ['2001:db8::100', 'tcp', 80, '2001:db8::1'] }, counter: { packets: 3, bytes: 180 }, timeout: 5 } }, 77]])],
    ['sets that do not count', listing().map((item) => ('set' in item ? { set: { ...(item['set'] as Json), stmt: undefined } } : item))],
    ['an element with a time-out', mapped('service_ips', [{ elem: { val: '2001:db8::100', timeout: 5 } }])],
    ['a range', mapped('service_ips', [{ prefix: { addr: '2001:db8::', len: 64 } }])],
  ] as const) {
    t.equal(parse(items), undefined, what);
  }
  t.throws(() => parseTable('ip', 'table ip netctl {'), SyntaxError);
  t.end();
});
