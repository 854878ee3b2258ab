import { execa } from 'execa';

// Network namespaces that stand for containers, on a throw-away host.

/** Makes a container, and gives it a link as Docker does: moved in, named eth0, addressed, and with a default route if there is a gateway. */
export async function startContainer(name: string, link: string, address: string, gateway?: string): Promise<void> {
  await execa('ip', ['netns', 'add', name]);
  await execa('ip', ['link', 'set', link, 'netns', name, 'name', 'eth0']);
  await inContainer(name, 'ip', 'link', 'set', 'lo', 'up');
  await inContainer(name, 'ip', 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
  await inContainer(name, 'ip', 'link', 'set', 'eth0', 'up');
  if (gateway !== undefined) await inContainer(name, 'ip', 'route', 'add', 'default', 'via', gateway);
}

export async function stopContainer(name: string): Promise<void> {
  await execa('ip', ['netns', 'delete', name], { reject: false });
}

/** Standard output of the command. Rejects if it fails. */
export async function inContainer(name: string, ...command: string[]): Promise<string> {
  const { stdout } = await execa('ip', ['netns', 'exec', name, ...command], { timeout: 10_000 });
  return stdout;
}

/** Whether one echo request is answered within a second. */
export async function reaches(name: string, address: string): Promise<boolean> {
  const { exitCode } = await execa('ip', ['netns', 'exec', name, 'busybox', 'ping', '-c', '1', '-W', '1', address], { reject: false, timeout: 10_000 });
  return exitCode === 0;
}
