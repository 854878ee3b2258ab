import t from 'tap';
import { kubeIptables } from '../../../bench/peers/kube-iptables.js';
import { kubeNftables } from '../../../bench/peers/kube-nftables.js';
import { haproxyConfiguration, nftlbFarms, nginxConfiguration } from '../../../bench/peers/programs.js';

const providers = [1, 2, 3].map((server) => ({ address: `10.80.${server}.2`, port: 8000 }));
const service = { address: '10.96.0.1', port: 80, providers };
const other = { address: '10.96.0.2', port: 81, providers: providers.slice(0, 1) };

/** What follows this, on the lines that begin with it. */
const after = (text: string, beginning: string): string[] => text.split('\n').filter((line) => line.startsWith(beginning)).map((line) => line.slice(beginning.length));

t.test('iptables: every service is tried in its turn, and each of its endpoints has an equal chance', (t) => {
  const text = kubeIptables([service, other]);
  t.same(after(text, '-A KUBE-SERVICES '), [
    '-d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-0',
    '-d 10.96.0.2/32 -p tcp -m tcp --dport 81 -j KUBE-SVC-1',
    '-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
  ]);
  t.same(after(text, '-A KUBE-SVC-0 '), [
    '-m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-0-0',
    '-m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-0-1',
    '-j KUBE-SEP-0-2',
  ]);
  t.same(after(text, '-A KUBE-SVC-1 '), ['-j KUBE-SEP-1-0']);
  t.same(after(text, '-A KUBE-SEP-0-1 '), ['-s 10.80.2.2/32 -j KUBE-MARK-MASQ', '-p tcp -m tcp -j DNAT --to-destination 10.80.2.2:8000']);
  t.end();
});

t.test('iptables: every chain that a rule leads to is declared in its table', (t) => {
  for (const table of kubeIptables([service, other]).split('COMMIT\n').filter((text) => text !== '')) {
    const declared = after(table, ':').map((rest) => rest.split(' ')[0]);
    const named = [...table.matchAll(/-[Aj] (KUBE-\S+)/g)].map(([, chain]) => chain);
    t.ok(named.length > 0);
    t.same(named.filter((chain) => !declared.includes(chain)), []);
  }
  t.end();
});

t.test('nftables: a map leads to the chain of the service, and that to the chains of its endpoints', (t) => {
  const text = kubeNftables([service, other]);
  t.same(after(text, 'add element ip kube-proxy service-ips '), ['{ 10.96.0.1 . tcp . 80 : goto service-10-96-0-1-80 }', '{ 10.96.0.2 . tcp . 81 : goto service-10-96-0-2-81 }']);
  t.match(text, 'chain service-10-96-0-1-80 { numgen random mod 3 vmap { 0 : goto endpoint-0-service-10-96-0-1-80, 1 : goto endpoint-1-service-10-96-0-1-80, 2 : goto endpoint-2-service-10-96-0-1-80 }; }');
  t.match(text, /chain endpoint-1-service-10-96-0-1-80 \{\n +ip saddr 10\.80\.2\.2 jump mark-for-masquerade\n +meta l4proto tcp dnat to 10\.80\.2\.2:8000\n/);
  t.end();
});

t.test('programs are told of the services and their providers', (t) => {
  const ofThree = { 'virtual-addr': '10.96.0.1', 'virtual-ports': '80', backends: [{ 'ip-addr': '10.80.1.2', port: '8000' }, {}, {}] };
  t.match(JSON.parse(nftlbFarms([service, other])), { farms: [{ name: 'bench0', ...ofThree }, { name: 'bench1', 'virtual-addr': '10.96.0.2' }] });
  const haproxy = haproxyConfiguration([service, other], ['retries 1'], 'check');
  t.same(after(haproxy, '  bind '), ['10.96.0.1:80', '10.96.0.2:81']);
  t.match(haproxy, '  default_backend servers0\nbackend servers0\n  balance roundrobin\n  retries 1\n  server s0 10.80.1.2:8000 check\n  server s1 10.80.2.2:8000 check\n');
  t.match(haproxy, '  default_backend servers1\nbackend servers1\n  balance roundrobin\n  retries 1\n  server s0 10.80.1.2:8000 check\n');
  const nginx = nginxConfiguration([service, other], '/modules', '/run/x');
  t.match(nginx, /^load_module \/modules\/ngx_stream_module\.so;\n/);
  t.same(after(nginx, '    server '), ['10.80.1.2:8000;', '10.80.2.2:8000;', '10.80.3.2:8000;', '10.80.1.2:8000;']);
  t.match(nginx, '    listen 10.96.0.2:81;\n    proxy_pass servers1;\n');
  t.end();
});
