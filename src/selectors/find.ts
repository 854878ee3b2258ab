import { conflict, notFound } from '../model/errors.js';

interface Named {
  readonly id: string;
  readonly name: string;
  /** The host it is on, where there are several. */
  readonly host?: string;
}

/**
 * The container that a user means, found as Docker finds it: by its whole id, its name (with or without
 * Docker's leading slash), or the beginning of an id that no other has.
 * Of several hosts each may have a container of the name.
 * @throws NetctlError `not-found` if there is none, `conflict` if there are several.
 */
export function findContainer<C extends Named>(text: string, containers: readonly C[]): C {
  const name = text.replace(/^\//, '');
  const exact = containers.find(({ id }) => id === text);
  if (exact) return exact;
  const [called, ...namesakes] = containers.filter((container) => container.name === name);
  if (called && namesakes.length > 0) throw conflict(`${namesakes.length + 1} containers are called ${name} (${[called, ...namesakes].map(placeOf).sort().join(', ')}): give the beginning of an id`);
  if (called) return called;
  const [first, ...others] = text === '' ? [] : containers.filter(({ id }) => id.startsWith(text));
  if (!first) throw notFound(`there is no container "${text}": give a name, or the beginning of an id, as "docker ps -a" shows them`);
  if (others.length > 0) throw conflict(`the ids of ${others.length + 1} containers begin with "${text}" (${[first, ...others].map(nameOf).sort().join(', ')}): write more of the id, or the name`);
  return first;
}

function nameOf({ id, name }: Named): string {
  return name || id.slice(0, 12);
}

function placeOf({ id, host }: Named): string {
  return `${id.slice(0, 12)}${host === undefined ? '' : ` on ${host}`}`;
}
