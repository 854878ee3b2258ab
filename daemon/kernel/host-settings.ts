import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { acceptRouterAdvertisements, forwarding, linkSettings } from '../../src/host/settings.js';
import { messageOf, unavailable } from '../../src/model/errors.js';

const directory = '/proc/sys/net';

/**
 * The settings of the host that matter to these uplinks, by their path. How links take router
 * advertisements is among them only while the host does not forward IPv6.
 */
export function readHostSettings(uplinks: readonly string[]): [path: string, value: string][] {
  const wanted = [...Object.values(forwarding), ...uplinks.flatMap((link) => linkSettings(link, new Set([4, 6])).map(([path]) => path))];
  const found = wanted.flatMap(read);
  const forwards = found.some(([path, value]) => path === forwarding[6] && value === '1');
  const advertised = forwards ? [] : ipv6Links().filter((link) => !uplinks.includes(link)).flatMap((link) => read(acceptRouterAdvertisements(link)));
  return [...found, ...advertised];
}

/** @throws NetctlError `unavailable` */
export function writeHostSetting(path: string, value: string): void {
  try {
    writeFileSync(`${directory}/${path}`, value);
  } catch (cause) {
    throw unavailable(`the setting ${directory}/${path} of the host cannot be written: ${messageOf(cause)}`, cause);
  }
}

/** Empty if there is no such setting. */
function read(path: string): [path: string, value: string][] {
  try {
    return [[path, readFileSync(`${directory}/${path}`, 'utf8').trim()]];
  } catch {
    return [];
  }
}

/** All links, without the two that stand for all and for new ones. A kernel without IPv6 has none. */
function ipv6Links(): string[] {
  try {
    return readdirSync(`${directory}/ipv6/conf`).filter((name) => name !== 'all' && name !== 'default');
  } catch {
    return [];
  }
}
