import { z } from 'zod';
import { invalid } from '../src/model/errors.js';
import { constant, method, type Method } from './method.js';
import { identityOf } from './network-name.js';
import type { AddressPort } from './ports.js';
import { address, optionalAddress, optionalPrefix, textMap } from './wire.js';

/** How Docker calls the address space of netctl's pools; CreateNetwork names it, and no pool. */
export const localAddressSpace = 'netctl-local';

const poolId = z.string().min(1);

const requestPool = z.object({ AddressSpace: z.string(), Pool: optionalPrefix, SubPool: optionalPrefix, Options: textMap, V6: z.boolean().nullish() });
const releasePool = z.object({ PoolID: poolId });
const requestAddress = z.object({ PoolID: poolId, Address: optionalAddress, Options: textMap });
const releaseAddress = z.object({ PoolID: poolId, Address: address });

/** The IPAM half of Docker's remote driver protocol, by method name. */
export function ipamMethods(addresses: AddressPort): Record<string, Method> {
  return {
    // Replay would ask for every address again after a restart of Docker, without saying whose it is; netctl keeps them itself.
    'IpamDriver.GetCapabilities': constant('Error', { RequiresMACAddress: false, RequiresRequestReplay: false }),
    'IpamDriver.GetDefaultAddressSpaces': constant('Error', { LocalDefaultAddressSpace: localAddressSpace, GlobalDefaultAddressSpace: 'netctl-global' }),
    'IpamDriver.RequestPool': method('Error', requestPool, (request) => onRequestPool(addresses, request)),
    'IpamDriver.ReleasePool': method('Error', releasePool, async (request) => {
      await addresses.releasePool(request.PoolID);
      return {};
    }),
    'IpamDriver.RequestAddress': method('Error', requestAddress, (request) => onRequestAddress(addresses, request)),
    'IpamDriver.ReleaseAddress': method('Error', releaseAddress, async (request) => {
      await addresses.releaseAddress(request.PoolID, request.Address);
      return {};
    }),
  };
}

async function onRequestPool(addresses: AddressPort, request: z.output<typeof requestPool>): Promise<object> {
  const { tenant, network } = identityOf(request.Options);
  const asked = { family: request.V6 === true ? 6 : 4, ...(request.Pool && { subnet: request.Pool }) } as const;
  const range = request.SubPool;
  if (network === undefined) {
    if (request.Options['tenant']) throw invalid(`give the tenant to the network, not to its addresses: "-o tenant=${tenant}" instead of "--ipam-opt"`);
    return poolAnswer(await addresses.openPool({ ...asked, ...(range && { range }) }));
  }
  if (range) throw invalid('netctl does not take --ip-range for a network of its own: give the range to "netctl net create"');
  return poolAnswer(await addresses.requestPool({ tenant, network, ...asked }));
}

function poolAnswer({ poolId, prefix }: Awaited<ReturnType<AddressPort['requestPool']>>): object {
  return { PoolID: poolId, Pool: prefix.toString(), Data: {} };
}

async function onRequestAddress(addresses: AddressPort, request: z.output<typeof requestAddress>): Promise<object> {
  const answer = await addresses.requestAddress({
    poolId: request.PoolID,
    ...(request.Address && { address: request.Address }),
    purpose: request.Options['RequestAddressType'] === 'com.docker.network.gateway' ? 'gateway' : 'endpoint',
  });
  return { Address: `${answer.address.toString()}/${answer.prefixLength}`, Data: {} };
}
