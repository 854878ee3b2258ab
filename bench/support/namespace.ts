import { execa } from 'execa';
import { Space } from './space.js';

/** Makes a network namespace with nothing in it. @param purpose is a part of its name. */
export async function namespace(purpose: string, teardown: (work: () => Promise<unknown>) => void): Promise<{ name: string; space: Space }> {
  const name = `bench${process.pid}-${purpose}`;
  await execa('ip', ['netns', 'add', name]);
  teardown(() => execa('ip', ['netns', 'delete', name]));
  return { name, space: new Space(`/run/netns/${name}`) };
}
