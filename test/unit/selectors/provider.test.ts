import fc from 'fast-check';
import t from 'tap';
import { IpAddress, Mac } from '../../../src/model/address.js';
import type { Container } from '../../../src/model/container.js';
import type { Endpoint } from '../../../src/model/endpoint.js';
import type { Network } from '../../../src/model/network.js';
import type { Service } from '../../../src/model/service.js';
import { parseSelectors } from '../../../src/selectors/parse.js';
import { chooseProvider } from '../../../src/selectors/provider.js';
import { parseWeights } from '../../../src/selectors/weights.js';
import { checkSubnet } from '../../../src/ipam/subnet.js';

const service: Service = {
  tenant: 'default',
  name: 'app-svc',
  network: 'srv',
  selectors: parseSelectors(['tier=web']),
  ports: [{ port: 8080, targetPort: 80, protocol: 'tcp' }],
  algorithm: 'roundrobin',
  weights: [],
  prefer: 'any',
  drained: [],
  requestedIps: [],
  addresses: [IpAddress.parse('100.1.1.1')],
};
const container: Container = {
  id: 'c'.repeat(64),
  name: 'web1',
  labels: { tier: 'web', version: '1.0' },
  state: 'running',
  health: 'none',
  stopping: false,
  attachments: [],
};
const endpointOn = (network: string, address: string, changes: Partial<Endpoint> = {}): Endpoint => ({
  id: network,
  tenant: 'default',
  network,
  addresses: [IpAddress.parse(address)],
  mac: Mac.parse('02:02:0a:01:01:01'),
  host: 'h1',
  sandboxKey: '/var/run/docker/netns/1',
  ...changes,
});
const detached = (endpoint: Endpoint): Endpoint => {
  const { sandboxKey: _, ...rest } = endpoint;
  return rest;
};
const network = (name: string, subnet: string, gateway?: string): [string, Network] => [
  name,
  { tenant: 'default', name, vni: 1, ipv4: checkSubnet(4, subnet, gateway) },
];
const networks = new Map([
  network('srv', '100.1.1.0/24'),
  network('app', '10.1.1.0/24', '10.1.1.254'),
  network('bare', '10.2.1.0/24'),
  network('zoo', '10.3.1.0/24', '10.3.1.254'),
]);
const onApp = endpointOn('app', '10.1.1.1');

t.test('a running container with matching labels is a provider', (t) => {
  t.same(chooseProvider(service, container, [onApp], networks), { provider: true, endpoint: onApp, reason: 'labels match, running, on network app', aliases: [] });
  const healthy: Container = { ...container, health: 'healthy' };
  t.equal(chooseProvider(service, healthy, [onApp], networks).reason, 'labels match, running and healthy, on network app');
  t.end();
});

t.test('why a container is no provider', (t) => {
  const no = (changes: Partial<Container>, endpoints: Endpoint[], reason: string, alive: boolean, draining: boolean): void => {
    const choice = chooseProvider(service, { ...container, ...changes }, endpoints, networks);
    t.match(choice, { provider: false, reason, alive, draining });
  };
  no({ labels: { tier: 'db' } }, [onApp], 'label tier is "db", not "web"', true, false);
  no({ labels: {}, state: 'exited' }, [], 'label tier is missing', false, false);
  no({ labels: {}, stopping: true }, [onApp], 'label tier is missing', true, false);
  no({}, [], 'is not attached to a network of tenant default', false, false);
  no({}, [{ ...onApp, tenant: 'blue' }], 'is not attached to a network of tenant default', false, false);
  no({}, [detached(onApp)], 'is not attached yet: Docker has made its endpoint on network app and not joined it', false, false);
  no({}, [endpointOn('app', '2001:db8::1')], 'has no IPv4 address, as the service has', false, false);
  no({ health: 'unhealthy' }, [], 'is not attached to a network of tenant default', false, false);
  no({ state: 'created' }, [], 'is not running: it was created and never started', false, false);
  no({ state: 'exited' }, [], 'is not running: it has exited', false, false);
  no({ state: 'exited' }, [onApp], 'is not running: it has exited', false, false);
  no({ state: 'restarting' }, [onApp], 'is not running: it is restarting', false, false);
  no({ state: 'removing' }, [], 'is not running: it is being removed', false, false);
  no({ state: 'dead', stopping: true }, [onApp], 'is not running: Docker says it is dead', false, false);
  no({ state: 'paused' }, [onApp], 'is paused', true, false);
  no({ state: 'paused', stopping: true }, [onApp], 'is paused', true, true);
  no({ stopping: true }, [onApp], 'is being stopped: no new connections, open ones live', true, true);
  no({ stopping: true, health: 'unhealthy' }, [onApp], 'is being stopped: no new connections, open ones live', true, true);
  no({ stopping: true }, [], 'is not attached to a network of tenant default', false, false);
  no({ health: 'unhealthy' }, [onApp], 'is unhealthy: its health check fails', true, false);
  no({ health: 'starting' }, [onApp], 'health check has not passed yet', true, false);
  const unaddressed = chooseProvider({ ...service, addresses: [] }, container, [onApp], networks);
  t.match(unaddressed, { provider: false, reason: 'the service has no service IP' });
  t.end();
});

t.test('a container that a user drained gets nothing new, and keeps what it has', (t) => {
  const drained: Service = { ...service, drained: ['d'.repeat(64), container.id] };
  const choose = (changes: Partial<Container>) => chooseProvider(drained, { ...container, ...changes }, [onApp], networks);
  t.match(choose({}), { provider: false, draining: true, alive: true, endpoint: onApp, reason: 'is drained by the user: no new connections, open ones live' });
  t.match(choose({ id: 'e'.repeat(64) }), { provider: true }, 'another container is not');
  t.match(choose({ stopping: true }), { draining: true, reason: /^is being stopped/ });
  t.match(choose({ state: 'exited' }), { draining: false, reason: 'is not running: it has exited' });
  t.match(choose({ labels: {} }), { draining: false, reason: 'label tier is missing' }, 'it is none of the service any more');
  t.end();
});

t.test('a provider says for which weight it counts, and from where else it may call', (t) => {
  const weighted: Service = { ...service, weights: parseWeights(['version=2:10', 'version:20']) };
  const choose = (labels: Record<string, string>, endpoints = [onApp]) => chooseProvider(weighted, { ...container, labels: { tier: 'web', ...labels } }, endpoints, networks);
  t.match(choose({ version: '2' }), { weight: 0 });
  t.match(choose({ version: '3' }), { weight: 1 });
  t.notOk('weight' in choose({}), 'it shares what is left');
  const others = [endpointOn('zoo', '10.3.1.1'), detached(endpointOn('bare', '10.2.1.1')), endpointOn('app', '10.9.9.9', { tenant: 'blue' })];
  const choice = choose({}, [...others, onApp]);
  t.same(choice.provider && choice.aliases, [IpAddress.parse('10.3.1.1')], 'with its attached endpoints of the tenant');
  t.end();
});

t.test('the endpoint that would get the connections is told', (t) => {
  t.match(chooseProvider(service, { ...container, stopping: true }, [onApp], networks), { endpoint: onApp });
  t.match(chooseProvider(service, { ...container, labels: {} }, [onApp], networks), { endpoint: onApp });
  t.notOk('endpoint' in chooseProvider(service, container, [], networks));
  t.end();
});

t.test('of several endpoints: the one on the own network, otherwise the first by name', (t) => {
  const srv = endpointOn('srv', '100.1.1.9');
  const zoo = endpointOn('zoo', '10.3.1.1');
  const v6 = endpointOn('aaa', '2001:db8::1');
  const both = endpointOn('dual', '10.4.1.1', { addresses: [IpAddress.parse('10.4.1.1'), IpAddress.parse('2001:db8::2')] });
  const foreign = endpointOn('aaa', '10.1.1.1', { tenant: 'blue' });
  const v6Service: Service = { ...service, addresses: [IpAddress.parse('2001:db8:1::1')] };
  const dualService: Service = { ...service, addresses: [...service.addresses, ...v6Service.addresses] };
  for (const [asked, endpoints, expected] of [
    [service, [zoo, srv, onApp], 'srv'],
    [service, [zoo, onApp], 'app'],
    [service, [zoo, detached(onApp), detached(srv)], 'zoo'],
    [service, [v6, zoo, foreign], 'zoo'],
    [v6Service, [zoo, both, v6], 'aaa'],
    [v6Service, [zoo, both], 'dual'],
    [dualService, [srv, onApp, both], 'dual'],
    [dualService, [zoo, srv, v6], 'srv'],
    [dualService, [zoo, v6], 'aaa'],
  ] as const) {
    for (const order of [endpoints, [...endpoints].reverse()]) {
      t.match(chooseProvider(asked, container, order, networks), { provider: true, endpoint: { network: expected } });
    }
  }
  t.end();
});

t.test('a family that the provider cannot serve is mentioned', (t) => {
  const dual: Service = { ...service, addresses: [...service.addresses, IpAddress.parse('2001:db8:1::1')] };
  const reasonOn = (endpoint: Endpoint): string => chooseProvider(dual, container, [endpoint], networks).reason;
  t.equal(reasonOn(onApp), 'labels match, running, on network app, over IPv4 only: it has no IPv6 address there');
  t.equal(reasonOn(endpointOn('app', '2001:db8::1')), 'labels match, running, on network app, over IPv6 only: it has no IPv4 address there; that network has no gateway, so that only clients on it get answers');
  t.end();
});

t.test('a network without a gateway is mentioned', (t) => {
  const note = /; that network has no gateway, so that only clients on it get answers$/;
  t.match(chooseProvider(service, container, [endpointOn('bare', '10.2.1.1')], networks).reason, note);
  t.match(chooseProvider(service, container, [endpointOn('srv', '100.1.1.9')], networks).reason, note);
  t.notMatch(chooseProvider(service, container, [onApp], networks).reason, note);
  t.notMatch(chooseProvider(service, container, [endpointOn('unknown', '10.9.1.1')], networks).reason, note);
  t.end();
});

t.test('whatever the state: providers run, are attached, and are not stopping; draining ones are alive', (t) => {
  const state = fc.constantFrom<Container['state']>('created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead');
  const health = fc.constantFrom<Container['health']>('none', 'starting', 'healthy', 'unhealthy');
  fc.assert(
    fc.property(state, health, fc.boolean(), fc.boolean(), fc.boolean(), (state, health, stopping, matching, attached) => {
      const labels: Container['labels'] = matching ? { tier: 'web' } : {};
      const choice = chooseProvider(service, { ...container, labels, state, health, stopping }, attached ? [onApp] : [], networks);
      const expected = matching && attached && state === 'running' && !stopping && (health === 'none' || health === 'healthy');
      t.equal(choice.provider, expected);
      if (!choice.provider) t.ok(choice.alive || !choice.draining);
    }),
    { numRuns: 300 },
  );
  t.end();
});
