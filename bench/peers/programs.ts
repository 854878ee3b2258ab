import type { BenchService } from './service.js';

/** A farm of nftlb's, which takes each provider in turn. */
export function nftlbFarm({ address, port, providers }: BenchService): string {
  const backends = providers.map((provider, index) => ({ name: `b${index}`, 'ip-addr': provider.address, port: String(provider.port), state: 'up' }));
  const farm = { name: 'bench', family: 'ipv4', 'virtual-addr': address, 'virtual-ports': String(port), mode: 'dnat', protocol: 'tcp', scheduler: 'rr', state: 'up', backends };
  return JSON.stringify({ farms: [farm] });
}

/** Of HAProxy as a proxy of TCP. @param backend more lines for its backend. @param server more words for each server. */
export function haproxyConfiguration({ address, port, providers }: BenchService, backend: readonly string[] = [], server = ''): string {
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend bench
  bind ${address}:${port}
  default_backend servers
backend servers
  balance roundrobin
${[...backend, ...providers.map((provider, index) => `server s${index} ${provider.address}:${provider.port} ${server}`.trimEnd())].map((line) => `  ${line}\n`).join('')}`;
}

/** Of nginx' module `stream`. It does without files of its own but the one for its process id. @param modules the directory of its modules. */
export function nginxConfiguration({ address, port, providers }: BenchService, modules: string, directory: string): string {
  return `load_module ${modules}/ngx_stream_module.so;
daemon off;
user root;
worker_processes auto;
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 4000; }
stream {
  upstream servers {
${providers.map((provider) => `    server ${provider.address}:${provider.port};\n`).join('')}  }
  server {
    listen ${address}:${port};
    proxy_pass servers;
  }
}
`;
}
