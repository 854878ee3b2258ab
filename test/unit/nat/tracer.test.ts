import t from 'tap';
import { planNat } from '../../../src/nat/plan.js';
import type { NatState } from '../../../src/nat/state.js';
import { ip } from './arbitraries.js';
import { hosts, input, scenario, served } from './scenario.js';
import type { Step } from './scenario.js';
import { Tracer } from './tracer.js';

function answerTo(tracer: Tracer, [from, protocol, to, port]: Step): string {
  const source = hosts[from].addresses.map(ip).find(({ family }) => family === ip(to).family) ?? ip('0.0.0.0');
  const fate = tracer.trace({ protocol, source, destination: ip(to), port });
  if (fate.end !== 'delivered') return fate.end;
  const { packet } = fate;
  const [name] = Object.entries(hosts).find(([, { addresses }]) => addresses.some((address) => ip(address).equals(packet.destination))) ?? [];
  const isServed = served.some((server) => server.protocol === packet.protocol && server.port === packet.port);
  return name !== undefined && isServed ? `${name} ${packet.source.toString()}` : 'refused';
}

const play = (state: NatState, steps: readonly Step[]): Step[] => {
  const tracer = new Tracer(state, input.networks);
  return steps.map((step) => [step[0], step[1], step[2], step[3], answerTo(tracer, step)]);
};

for (const { name, steps } of scenario) {
  t.test(name, (t) => {
    t.same(play(planNat(input), steps), steps);
    t.end();
  });
}

t.test('the tracer is not blind', (t) => {
  const { ip, ip6 } = planNat(input);
  for (const [what, state] of Object.entries({
    'no service ports': { ip: { ...ip, ports: new Map() }, ip6 },
    'no service IPs': { ip: { ...ip, serviceIps: new Map() }, ip6 },
    'no hairpins': { ip: { ...ip, hairpins: new Map() }, ip6 },
    'no segments': { ip: { ...ip, bridges: new Set<string>() }, ip6 },
  })) {
    const surprised = scenario.filter(({ steps }) => JSON.stringify(play(state, steps)) !== JSON.stringify(steps));
    t.ok(surprised.length > 0, `${what}: noticed in ${surprised.length} cases`);
  }
  t.end();
});
