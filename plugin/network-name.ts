import { invalid } from '../src/model/errors.js';

/**
 * Which of netctl's networks a Docker network stands for: `netctl net create` passes these two
 * options, to the driver and to the IPAM driver.
 * @throws NetctlError `invalid` if one is missing: somebody made the network with Docker alone.
 */
export function networkName(options: { readonly tenant?: string | undefined; readonly network?: string | undefined }): { tenant: string; network: string } {
  const { tenant, network } = options;
  if (!tenant || !network) {
    throw invalid('Docker alone cannot make a netctl network, because it does not say which tenant and network it stands for: use "netctl net create"');
  }
  return { tenant, network };
}
