import type { Suite } from '../suite.js';
import { Lab } from '../support/lab.js';

/** Docker's networks, by contender. */
const networks: Readonly<Record<string, string>> = { bridge: 'plain', netctl: 'bench' };
/** Containers of each turn. */
const containers = 2;

/** In milliseconds each, the start of a container and its removal. The clock is read in the host, so that the way into it is not in the times. */
const script = `
  for number in $(seq ${containers}); do
    began=$EPOCHREALTIME
    docker run --detach --network "$1" --name "bench-$number" alpine sleep infinity >/dev/null
    run=$EPOCHREALTIME
    docker rm --force "bench-$number" >/dev/null
    removed=$EPOCHREALTIME
    echo "$began $run $removed"
  done`;

/** What a container's start and end take on a network of netctl's, against a bridge network of Docker's. */
export const docker: Suite = {
  name: 'docker',
  title: "Containers' starts and ends: a network of netctl against a bridge network of Docker",
  programs: [['dockerd', '--version'], ['nft', '--version']],
  async prepare(teardown) {
    const lab = new Lab(1);
    teardown(() => lab.down());
    await lab.up();
    await lab.exec(1, 'docker', 'network', 'create', networks['bridge'] ?? '');
    await lab.exec(1, 'netctl', 'net', 'create', networks['netctl'] ?? '', '-s', '10.1.1.0/24', '-g', '10.1.1.254');
    return {
      contenders: {
        bridge: 'a network of the driver bridge, made by `docker network create`, on a Docker host with netctld',
        netctl: 'a network made by `netctl net create` on the same host',
      },
      experiments: [
        {
          title: 'A container, which does nothing',
          contenders: Object.keys(networks),
          figures: [
            { key: 'run', title: 'docker run', unit: 'ms', better: 'less' },
            { key: 'remove', title: 'docker rm', unit: 'ms', better: 'less' },
          ],
          // At most 1.05 times as long.
          goals: { netctl: 1 / 1.05 },
          run: async (contender) => timesOf(await lab.exec(1, 'bash', '-ec', script, 'bash', networks[contender] ?? '')),
        },
      ],
    };
  },
};

/** The means of all containers. */
function timesOf(printed: string): { run: number; remove: number } {
  const times = printed.split('\n').map((line) => line.split(' ').map((time) => Number(time.replace(',', '.')) * 1000));
  const mean = (from: number): number => times.reduce((sum, time) => sum + ((time[from + 1] ?? NaN) - (time[from] ?? NaN)), 0) / times.length;
  return { run: mean(0), remove: mean(1) };
}
