import type { Attachment } from '../../src/model/container.js';
import { keys } from '../../src/model/keys.js';
import { dockerNetworkName } from '../../src/model/names.js';
import type { DockerBinding } from '../../src/model/network.js';
import type { State } from './state.js';

/** The network of netctl's that a container of the host is attached to, or would be when it runs; undefined: it is another driver's. */
export function bindingFor(state: State, host: string, { networkId, networkName }: Attachment): DockerBinding | undefined {
  if (networkId !== '') return state.bindings.get(keys.binding(host, networkId))?.value;
  return state.bindings.values().find((binding) => binding.host === host && isCalled(binding, networkName));
}

/** Of a container that was never started Docker says only what the user wrote: the network's name, or the beginning of its id. */
function isCalled({ tenant, network, dockerNetworkId }: DockerBinding, text: string): boolean {
  return dockerNetworkName(tenant, network) === text || (text.length >= 12 && dockerNetworkId.startsWith(text));
}
