import type { BenchService } from './service.js';

/** A farm of nftlb's for each service, which takes each provider in turn. */
export function nftlbFarms(services: readonly BenchService[]): string {
  return JSON.stringify({ farms: services.map(nftlbFarm) });
}

function nftlbFarm({ address, port, providers }: BenchService, number: number): object {
  const backends = providers.map((provider, index) => ({ name: `b${index}`, 'ip-addr': provider.address, port: String(provider.port), state: 'up' }));
  return { name: `bench${number}`, family: 'ipv4', 'virtual-addr': address, 'virtual-ports': String(port), mode: 'dnat', protocol: 'tcp', scheduler: 'rr', state: 'up', backends };
}

/** Of HAProxy as a proxy of TCP. @param backend more lines for each backend. @param server more words for each server. */
export function haproxyConfiguration(services: readonly BenchService[], backend: readonly string[] = [], server = ''): string {
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
${services.map((service, number) => haproxyService(service, number, backend, server)).join('')}`;
}

function haproxyService({ address, port, providers }: BenchService, number: number, backend: readonly string[], server: string): string {
  const servers = providers.map((provider, index) => `server s${index} ${provider.address}:${provider.port} ${server}`.trimEnd());
  return `frontend bench${number}
  bind ${address}:${port}
  default_backend servers${number}
backend servers${number}
  balance roundrobin
${[...backend, ...servers].map((line) => `  ${line}\n`).join('')}`;
}

/** Of nginx' module `stream`. It does without files of its own but the one for its process id. @param modules the directory of its modules. */
export function nginxConfiguration(services: readonly BenchService[], modules: string, directory: string): string {
  // To a worker of nginx a port that it listens on is a connection, too.
  const connections = 4000 + services.length;
  return `load_module ${modules}/ngx_stream_module.so;
daemon off;
user root;
worker_processes auto;
worker_rlimit_nofile ${2 * connections};
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections ${connections}; }
stream {
${services.map(nginxService).join('')}}
`;
}

function nginxService({ address, port, providers }: BenchService, number: number): string {
  return `  upstream servers${number} {
${providers.map((provider) => `    server ${provider.address}:${provider.port};\n`).join('')}  }
  server {
    listen ${address}:${port};
    proxy_pass servers${number};
  }
`;
}
