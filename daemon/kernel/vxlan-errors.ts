import { unavailable, type NetctlError } from '../../src/model/errors.js';

// What is in the way of a VXLAN link on the host.

export function vniInUse(vni: number, port: number): NetctlError {
  return unavailable(`packet tag ${vni} is in use on this host by a VXLAN link on UDP port ${port} that is not netctl's: remove that link, or create the network with another packet tag`);
}

export function portInUse(port: number): NetctlError {
  return unavailable(`UDP port ${port}, by which hosts exchange packets, is in use by another program on this host: end that program, or choose another port on all hosts with --vxlan-port`);
}
