import { invalid } from '../model/errors.js';
import { protocols, type Protocol, type ServicePort } from '../model/service.js';

/**
 * Reads `port:targetPort:protocol`, for example `8080:80:TCP`; the protocol in any letter case.
 * @throws NetctlError `invalid`.
 */
export function parsePort(text: string): ServicePort {
  const [portText, targetText, protocolText, ...more] = text.split(':');
  if (portText === undefined || targetText === undefined || protocolText === undefined || more.length > 0) {
    throw badPort(text, 'write it as port:targetPort:protocol, for example 8080:80:TCP');
  }
  return {
    port: parseNumber(text, 'port', portText),
    targetPort: parseNumber(text, 'target port', targetText),
    protocol: parseProtocol(text, protocolText),
  };
}

/**
 * Reads all ports of a service.
 * @throws NetctlError `invalid`, also if there is none, or if two of them are the same port of the same protocol.
 */
export function parsePorts(texts: readonly string[]): ServicePort[] {
  if (texts.length === 0) throw invalid('a service needs at least one port: write it as port:targetPort:protocol, for example 8080:80:TCP');
  const seen = new Set<string>();
  return texts.map((text) => {
    const port = parsePort(text);
    const name = `${port.port}/${port.protocol.toUpperCase()}`;
    if (seen.has(name)) throw badPort(text, `port ${name} is given twice, and can lead to one target port only`);
    seen.add(name);
    return port;
  });
}

/** The text that {@link parsePort} reads, with the protocol in capitals as in Contiv's examples. */
export function formatPort({ port, targetPort, protocol }: ServicePort): string {
  return `${port}:${targetPort}:${protocol.toUpperCase()}`;
}

function parseNumber(text: string, what: string, digits: string): number {
  const number = /^[1-9]\d{0,4}$/.test(digits) ? Number(digits) : NaN;
  if (number <= 65_535) return number;
  throw badPort(text, `${what} "${digits}" is not a number in 1..65535`);
}

function parseProtocol(text: string, word: string): Protocol {
  const protocol = protocols.find((known) => known === word.toLowerCase());
  if (protocol) return protocol;
  throw badPort(text, `unknown protocol "${word}", use TCP or UDP`);
}

function badPort(text: string, why: string): Error {
  return invalid(`invalid port mapping "${text}": ${why}`);
}
