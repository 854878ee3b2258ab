import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { stepped } from '../../../daemon/kernel/fabric-model.js';
import { diffFabric } from '../../../src/fabric/diff.js';
import { fabricState } from '../../../src/fabric/keys.js';
import { planFabric, planSegments } from '../../../src/fabric/plan.js';
import { planServices, StandingServices } from '../../../src/fabric/services.js';
import type { FabricInput, FabricNetwork } from '../../../src/fabric/state.js';
import { IpAddress, Prefix } from '../../../src/model/address.js';
import { comparable, fabricInput, holds } from './arbitraries.js';

const nothing = fabricState({});

/** What a router is to be in turn. Its networks stay, and whether there are other hosts; an address is that of an endpoint or of a service. */
const inputs: fc.Arbitrary<FabricInput[]> = fabricInput.chain((first) => {
  const later = fabricInput.map(({ overlay, ...other }): FabricInput => ({ ...other, networks: first.networks, ...(first.overlay ? { overlay: overlay ?? first.overlay } : {}) }));
  return fc.array(later, { minLength: 1, maxLength: 5 }).map((others) => [first, ...others].map(withAddressOnce));
});

function withAddressOnce(input: FabricInput, index: number): FabricInput {
  const serviceAddresses = index % 2 === 0 ? input.serviceAddresses : [...input.serviceAddresses, ...input.endpoints.flatMap(({ addresses }) => addresses)];
  return { ...input, serviceAddresses, endpoints: index % 2 === 0 ? input.endpoints : [] };
}

t.test('service by service it comes to what a whole plan comes to, and no step is refused', (t) => {
  const property = fc.property(inputs, (inputs) => {
    const standing = new StandingServices(inputs[0] ?? { networks: [] });
    let [segments, held] = [nothing, nothing];
    return inputs.every((input) => {
      const planned = planSegments(input);
      held = standing.change(input.serviceAddresses, diffFabric(planned, segments)).reduce(stepped, held);
      segments = planned;
      return (
        standing.isFor(input) &&
        isDeepStrictEqual(comparable(standing.state), comparable(planServices(input))) &&
        isDeepStrictEqual(comparable(held), comparable(planFabric(input)))
      );
    });
  });
  holds(t, property, 200);
  t.end();
});

t.test('it is of use only where service IPs lead to the same, and links keep what is on them', (t) => {
  const network = (vni: number, prefix: string, gateway: string): FabricNetwork => ({ vni, subnets: [{ prefix: Prefix.parse(prefix), gateway: IpAddress.parse(gateway) }] });
  const overlay = { local: IpAddress.parse('192.0.2.1'), port: 4789, mtu: 1450, remotes: [] };
  const networks = [network(1, '10.1.0.0/16', '10.1.0.1')];
  const standing = new StandingServices({ networks, overlay });
  t.ok(standing.isFor({ networks: [{ ...network(1, '10.1.0.0/16', '10.1.0.1'), netfilter: true }], overlay: { ...overlay, mtu: 8950 } }));
  t.notOk(standing.isFor({ networks }), 'no other hosts');
  t.notOk(standing.isFor({ networks: [], overlay }), 'no network');
  t.notOk(standing.isFor({ networks: [network(2, '10.1.0.0/16', '10.1.0.1')], overlay }), 'another bridge');
  t.notOk(standing.isFor({ networks: [network(1, '10.1.0.0/24', '10.1.0.1')], overlay }), 'another subnet');
  t.notOk(standing.isFor({ networks: [network(1, '10.1.0.0/16', '10.1.0.2')], overlay }), 'a link that loses its address for another one');
  t.end();
});

t.test('one service IP more is one step among ten and among five thousand, and the same ones are none', (t) => {
  const ip = (index: number): IpAddress => IpAddress.parse('10.9.0.1').plus(BigInt(index));
  for (const count of [10, 5_000]) {
    const standing = new StandingServices({ networks: [] });
    const addresses = Array.from({ length: count }, (_, index) => ip(index));
    standing.change(addresses);
    const more = [...addresses, ip(count)];
    const actions = (of: readonly IpAddress[]): string[] => standing.change(of).map(({ action }) => action);
    t.same(actions(more), ['addRoute']);
    t.same(actions(more.map((address) => IpAddress.parse(address.toString()))), [], 'made anew');
    t.same(actions(addresses), ['deleteRoute']);
  }
  t.end();
});
