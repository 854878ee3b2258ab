import t, { type Test } from 'tap';
import { fragments, watchWire } from './support/fragments.js';
import { Host, labHosts, until, untilProviders, type Lab } from './support/lab.js';
import { hostAddress, outsideOf } from './support/outside.js';
import { runClient } from './support/servers.js';
import { answers, Traffic } from './support/traffic.js';

// Hosts whose links take packets of the usual length, shorter or longer ones. What containers send fits in VXLAN exactly: the largest
// packet passes, for a larger one its sender is told, and nobody on the way cuts any.

const service = { ipv4: '100.1.1.9', ipv6: '2001:db8:a::9' } as const;
const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];
/** Of IP and UDP, in octets. */
const headers = { ipv4: 28, ipv6: 48 } as const;
/** Of VXLAN over IPv4, in octets. */
const overhead = 50;
/** Of the link between a router and its host, in octets. */
const uplinkMtu = 1500;
const bulk = 5_000_000;
/** IP_MTU_DISCOVER and IPV6_MTU_DISCOVER: the sender cuts nothing, and nobody else may (ip(7), ipv6(7)). */
const whole = { ipv4: 'setsockopt-int=0:10:2', ipv6: 'setsockopt-int=41:23:2' } as const;

// For the whole file; only a hang takes so long.
t.setTimeout(600_000);

for (const underlay of [1500, 1400, 9000]) {
  t.test(`links of ${underlay} octets`, async (t) => {
    const lab = await labHosts(t, `mtu${underlay}`, { hosts: 2, mtu: underlay });
    t.teardown(async () => {
      if (!t.passing()) t.comment(await lab.logs());
    });
    await new Scene(lab, underlay).play(t);
  });
}

class Scene {
  private readonly h1: Host;
  private readonly h2: Host;
  private readonly mtu: number;

  constructor(
    lab: Lab,
    private readonly underlay: number,
  ) {
    [this.h1, this.h2] = [lab.host(1), lab.host(2)];
    this.mtu = underlay - overhead;
  }

  async play(t: Test): Promise<void> {
    await this.set(t);
    const before = await this.allFragments();
    const watch = await watchWire(new Host(this.h1.labName, 'wire'));
    await t.test('links of containers and of the router have the length', (t) => this.links(t));
    await t.test('the largest packet passes, both ways', (t) => this.largest(t));
    await t.test('of a larger one the sender is told', (t) => this.tooLarge(t));
    await t.test('TCP in bulk through the service, both ways', (t) => this.inBulk(t));
    await t.test('who is outside is told, too', (t) => this.outside(t));
    const seen = await watch();
    t.ok(seen.frames > (2 * bulk) / 65536, `${seen.frames} frames between the hosts`);
    t.equal(seen.fragments, 0, 'not one of them was a fragment');
    t.same(await this.allFragments(), before, 'nobody made one, nor got one');
    await this.h1.ok('sh', '-c', `dd if=/dev/zero bs=${2 * this.underlay} count=1 2>/dev/null | socat -u -b 65536 - UDP4-SENDTO:192.168.50.2:9`);
    await until('fragments that the host itself makes are seen', async () => (await watch()).fragments === 3 || JSON.stringify(await watch()));
    t.equal(await fragments(this.h1), 3, 'and counted');
  }

  private async set(t: Test): Promise<void> {
    const { h1, h2 } = this;
    await h1.netctl('net', 'create', 'services', '-s', '100.1.1.0/24', '-s6', '2001:db8:a::/64');
    await h1.netctl('net', 'create', 'blue', '-s', '10.1.1.0/24', '-g', '10.1.1.254', '-s6', '2001:db8:1::/64', '-g6', '2001:db8:1::ff');
    await h1.netctl('net', 'create', 'green', '-s', '10.2.1.0/24', '-g', '10.2.1.254', '-s6', '2001:db8:2::/64', '-g6', '2001:db8:2::ff');
    await h1.netctl('service', 'create', 'web', '-s', 'services', '-ip', service.ipv4, '-ip', service.ipv6, '-l', 'tier=web', '-p', '53:53:udp', '-p', '82:82:tcp', '-p', '83:83:tcp');
    await until('the network is in the Docker of h2', async () => (await h2.run('docker', 'network', 'inspect', 'blue')).exitCode === 0 || 'not yet');
    await Promise.all([this.runProvider(t, h1, 'p1'), this.runProvider(t, h2, 'p2'), runClient(h1, 'same', 'blue'), runClient(h1, 'other', 'green')]);
    for (const host of [h1, h2]) await untilProviders(host, 'web', ['p1', 'p2']);
  }

  private async runProvider(t: Test, host: Host, name: string): Promise<void> {
    await runClient(host, name, 'blue', '--label=tier=web', '-p', '8053:53/udp', '-p', '8082:82', '-p', '8083:83');
    await (await Traffic.from(t, host, name)).serve(53, name);
    await host.docker('exec', '-d', name, 'socat', 'TCP6-LISTEN:82,ipv6only=0,fork,reuseaddr', 'SYSTEM:wc -c');
    await host.docker('exec', '-d', name, 'socat', 'TCP6-LISTEN:83,ipv6only=0,fork,reuseaddr', `SYSTEM:head -c ${bulk} /dev/zero`);
    await until(`${name} listens`, async () => (await host.inside(name, 'nc -z 127.0.0.1 82 && nc -z 127.0.0.1 83')).exitCode === 0 || 'not yet');
  }

  private async links(t: Test): Promise<void> {
    for (const [host, name] of [[this.h1, 'p1'], [this.h1, 'same'], [this.h1, 'other'], [this.h2, 'p2']] as const) {
      t.equal((await host.inside(name, 'cat /sys/class/net/eth0/mtu')).stdout, String(this.mtu), name);
    }
    for (const host of [this.h1, this.h2]) {
      const links = JSON.parse(await host.router('default', 'ip', '-j', 'link')) as { ifname: string; mtu: number }[];
      const others = links.filter(({ ifname, mtu }) => /^(br|vx|vr-)/.test(ifname) && mtu !== this.mtu);
      t.same(others, [], `all links of segments on ${host.name}`);
    }
  }

  /** Question and answer have the length of the link, and neither is cut into pieces: it would be counted. */
  private async largest(t: Test): Promise<void> {
    for (const family of families) {
      const octets = this.mtu - headers[family];
      for (const client of ['same', 'other']) {
        const [traffic, own] = [await Traffic.from(t, this.h1, client), await this.addressOf(this.h1, client, family)];
        const attempts = [];
        for (let count = 0; count < 8; count++) attempts.push(await traffic.datagram(service[family], 53, 20_000 + count, 5_000, octets));
        t.strictSame(answers(attempts), { [`p1 ${own}`]: 4, [`p2 ${own}`]: 4 }, `${octets} octets of UDP over ${family} from ${client}`);
      }
      const traffic = await Traffic.from(t, this.h1, 'same');
      const attempt = await traffic.datagram(await this.addressOf(this.h2, 'p2', family), 53, 0, 5_000, octets);
      t.match(attempt, { answer: /^p2 / }, `and to the container itself over ${family}`);
    }
  }

  private async tooLarge(t: Test): Promise<void> {
    for (const family of families) {
      for (const client of ['same', 'other']) {
        for (const [octets, outcome] of [[this.mtu - headers[family], ''], [this.mtu - headers[family] + 1, 'Message too long']] as const) {
          const { stderr } = await this.h1.inside(client, sending(octets, family, service[family], 53));
          t.match(stderr, outcome, `${octets} octets over ${family} from ${client}`);
          if (outcome === '') t.equal(stderr, '');
        }
      }
    }
  }

  private async inBulk(t: Test): Promise<void> {
    for (const family of families) {
      for (const client of ['same', 'other']) {
        const seen = [];
        // One connection to each of the two.
        for (let count = 0; count < 2; count++) seen.push(...(await this.transfer(service[family], (script) => this.h1.inside(client, script))));
        t.strictSame(seen, [String(bulk), String(bulk), String(bulk), String(bulk)], `sent and received by ${client} over ${family}`);
      }
    }
  }

  /** A machine beside the hosts, which knows nothing of VXLAN, and calls a published port with packets that its own link takes. */
  private async outside(t: Test): Promise<void> {
    const outside = await outsideOf(this.h1);
    await outside.ok('ip', 'route', 'replace', `${hostAddress}/32`, 'dev', 'br0', 'mtu', String(this.underlay));
    const script = sending(this.underlay - headers.ipv4, 'ipv4', hostAddress, 8053);
    t.equal((await outside.ok('sh', '-c', `${script} 2>&1`)), '', 'its link takes it');
    await until('it is told that less is taken', async () => {
      const { stderr } = await outside.run('sh', '-c', script);
      return stderr.includes('Message too long') || stderr || 'sent';
    });
    const taken = Math.min(this.mtu, uplinkMtu);
    t.equal(await outside.ok('sh', '-c', `${sending(taken - headers.ipv4, 'ipv4', hostAddress, 8053)} 2>&1`), '', 'and so much it takes');
    t.strictSame(await this.transfer(hostAddress, (script) => outside.run('sh', '-c', script), 8000), [String(bulk), String(bulk)], 'TCP sent and received');
  }

  /** Sends much, and gets much: how many octets the other side counted, and how many came. @param offset of the ports */
  private async transfer(address: string, run: (script: string) => ReturnType<Host['run']>, offset = 0): Promise<string[]> {
    const target = (port: number): string => `TCP:${address.includes(':') ? `[${address}]` : address}:${offset + port},connect-timeout=5`;
    const sent = await run(`head -c ${bulk} /dev/zero | timeout 30 socat -t 30 - ${target(82)}`);
    const received = await run(`timeout 30 socat -u ${target(83)} - | wc -c`);
    return [sent.stdout.trim() || sent.stderr, received.stdout.trim() || received.stderr];
  }

  private addressOf(host: Host, container: string, family: Family): Promise<string> {
    const field = { ipv4: 'IPAddress', ipv6: 'GlobalIPv6Address' }[family];
    return host.docker('inspect', '--format', `{{range .NetworkSettings.Networks}}{{.${field}}}{{end}}`, container);
  }

  /** Of both hosts, their routers and the containers. */
  private async allFragments(): Promise<number[]> {
    const counts = [];
    for (const [host, names] of [[this.h1, ['p1', 'same', 'other']], [this.h2, ['p2']]] as const) {
      counts.push(await fragments(host), await fragments(host, 'ip', 'netns', 'exec', 'netctl-default'));
      for (const name of names) counts.push(await fragments(host, 'nsenter', `--net=/proc/${await host.docker('inspect', '--format', '{{.State.Pid}}', name)}/ns/net`));
    }
    return counts;
  }
}

/** A shell command that sends one datagram with so many octets that nobody may cut. */
function sending(octets: number, family: Family, address: string, port: number): string {
  const target = family === 'ipv4' ? `UDP4-SENDTO:${address}:${port}` : `UDP6-SENDTO:[${address}]:${port}`;
  // In one write, so that socat reads it as a whole.
  return `dd if=/dev/zero bs=${octets} count=1 2>/dev/null | socat -u -b 65536 - ${target},${whole[family]}`;
}
