import { fileURLToPath } from 'node:url';
import type { Host } from './lab.js';

/**
 * All that netctl holds on a host, as text: its objects with their addresses, Docker's networks, the routers with their
 * links, addresses, routes, neighbours and rules. Two texts are the same if nothing was changed between them.
 */
export async function holdings(host: Host): Promise<string> {
  return host.ok('sh', '-c', script);
}

const script = `
  for kind in tenants networks serviceLBs endpoints; do
    curl -sf --unix-socket /run/netctl/netctl.sock http://netctl/api/v1/inspect/$kind/ || exit 1
    echo
  done
  docker network ls --no-trunc --format '{{.ID}} {{.Name}} {{.Driver}}' | sort
  ip -br link | grep -o '^v[cr]-[^@ ]*'
  for router in $(ip netns list | sed -n 's/^\\(netctl-[^ ]*\\).*/\\1/p' | sort); do
    echo "$router"
    ip netns exec "$router" sh -c 'ip -br link; ip -br addr; ip route; ip neigh show nud permanent; nft list ruleset'
  done
`;

/** Every key of the host's store, in order. */
export async function storeKeys(host: Host): Promise<string[]> {
  const program = fileURLToPath(new URL('store-keys.js', import.meta.url));
  return (await host.ok(process.execPath, program, '/var/lib/netctl')).split('\n').filter((key) => key !== '').sort();
}
