/** What the names of all of the host's own WireGuard devices begin with; rules know the devices by it. */
export const deviceNameBeginning = 'netctl-wg';

/** The WireGuard device of one of the host's keys, in the host's own namespace. @param index 0 or 1: a host has two keys while one takes the place of the other. */
export function deviceName(index: number): string {
  return `${deviceNameBeginning}${index}`;
}

/** True for the name of a link that {@link deviceName} made. */
export function isDeviceName(name: string): boolean {
  return name.startsWith(deviceNameBeginning) && /^\d$/.test(name.slice(deviceNameBeginning.length));
}
