import { routerUplinkName } from '../fabric/uplink.js';
import type { Family } from '../model/address.js';
import { ascending, ofFamily } from './addresses.js';
import { keepChains } from './chains.js';
import { callersOf, hairpinSources, planHairpins } from './hairpin.js';
import type { NatInput, NatNetwork } from './input.js';
import { passageKey } from './keys.js';
import { planLegs } from './legs.js';
import { planPorts } from './ports.js';
import { emptyNat } from './state.js';
import type { FamilyState, NatState, Passage } from './state.js';
import { Turns } from './turns.js';

/**
 * What a router's tables must hold. Providers keep the slots, and service ports the chains, that they
 * have in `previous`; from nothing, both are dealt in the order of addresses. What has not changed is
 * the same object as in `previous`. The order of the input's lists does not matter, except that of
 * two services with one (service IP, protocol, port), which must not be, one is ignored.
 */
export function planNat(input: NatInput, previous: NatState = emptyNat): NatState {
  return withLegs(planBalance(input, previous), input);
}

/** {@link planNat} without new legs, of which there are more than of all else: who balances, but does not count. Legs are those of `previous`. */
export function planBalance(input: NatInput, previous: NatState = emptyNat): NatState {
  return { ip: planFamily(4, input, previous.ip), ip6: planFamily(6, input, previous.ip6) };
}

/** @param balance as {@link planBalance} made it of the same input. */
export function withLegs(balance: NatState, { services }: NatInput): NatState {
  const counted = (family: Family, state: FamilyState): FamilyState => ({ ...state, legs: planLegs(family, services, state.legs) });
  return { ip: counted(4, balance.ip), ip6: counted(6, balance.ip6) };
}

function planFamily(family: Family, input: NatInput, previous: FamilyState): FamilyState {
  const turns = new Turns();
  const ports = planPorts(family, input.services, previous, turns);
  const serviceIps = ascending(input.services.flatMap(({ addresses }) => ofFamily(family, addresses)));
  return {
    ...keepChains(previous, new Map(turns.chains())),
    ports,
    serviceIps: new Map(serviceIps.map((address) => [address.toString(), address])),
    legs: previous.legs,
    hairpins: planHairpins(hairpinSources(family, input.networks, serviceIps), callersOf(family, input.services)),
    bridges: new Set(input.networks.map(({ bridge }) => bridge).toSorted()),
    routed: new Map(input.networks.flatMap(passagesOf).map((passage) => [passageKey(passage), passage])),
  };
}

function passagesOf({ bridge, outward, fromHost }: NatNetwork): Passage[] {
  return [...(outward ? [{ from: bridge, to: routerUplinkName }] : []), ...(fromHost ? [{ from: routerUplinkName, to: bridge }] : [])];
}
