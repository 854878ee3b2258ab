import { z } from 'zod';
import { invalid } from '../src/model/errors.js';
import { constant, method, type Method } from './method.js';
import { networkName } from './network-name.js';
import type { AddressPort } from './ports.js';
import { address, optionalAddress, optionalPrefix, text, textMap } from './wire.js';

const poolId = z.string().min(1);

const requestPool = z.object({ AddressSpace: z.string(), Pool: optionalPrefix, SubPool: text, Options: textMap, V6: z.boolean().nullish() });
const releasePool = z.object({ PoolID: poolId });
const requestAddress = z.object({ PoolID: poolId, Address: optionalAddress, Options: textMap });
const releaseAddress = z.object({ PoolID: poolId, Address: address });

/** The IPAM half of Docker's remote driver protocol, by method name. */
export function ipamMethods(addresses: AddressPort): Record<string, Method> {
  return {
    // Replay would ask for every address again after a restart of Docker, without saying whose it is; netctl keeps them itself.
    'IpamDriver.GetCapabilities': constant('Error', { RequiresMACAddress: false, RequiresRequestReplay: false }),
    'IpamDriver.GetDefaultAddressSpaces': constant('Error', { LocalDefaultAddressSpace: 'netctl-local', GlobalDefaultAddressSpace: 'netctl-global' }),
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
  if (request.SubPool !== '') throw invalid('netctl does not take --ip-range from Docker: give the range to "netctl net create"');
  const { poolId, prefix } = await addresses.requestPool({
    ...networkName(request.Options),
    family: request.V6 === true ? 6 : 4,
    ...(request.Pool && { subnet: request.Pool }),
  });
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
