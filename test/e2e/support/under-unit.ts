// Runs a command with the rights that systemd gives by a unit's settings, without systemd: `node under-unit.js UNIT CALLS COMMAND...`.
// CALLS is a file with the names of all system calls of the unit's SystemCallFilter, which only systemd knows. The filters are those that systemd makes of
// SystemCallFilter, RestrictAddressFamilies and RestrictNamespaces (systemd.exec(5)); capabilities are set by setpriv, at last.
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';

const [unitPath = '', callsPath = '', ...command] = process.argv.slice(2);
const unit = readFileSync(unitPath, 'utf8');
/** The words of a setting. */
const setting = (key: string): string[] => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]?.split(' ') ?? [];

const seccomp = koffi.load('libseccomp.so.2');
const compare = koffi.struct('scmp_arg_cmp', { arg: 'uint', op: 'int', a: 'uint64', b: 'uint64' });
const init = seccomp.func('void *seccomp_init(uint32_t action)') as (action: number) => unknown;
const resolve = seccomp.func('int seccomp_syscall_resolve_name(const char *name)') as (name: string) => number;
const add = seccomp.func('seccomp_rule_add_array', 'int', ['void *', 'uint32_t', 'int', 'uint', koffi.pointer(compare)]) as (filter: unknown, action: number, call: number, count: number, compares: Compare[]) => number;
const load = seccomp.func('int seccomp_load(void *filter)') as (filter: unknown) => number;
const execv = koffi.load(null).func('int execv(const char *path, const char **argv)') as (path: string, argv: (string | null)[]) => number;

interface Compare {
  readonly arg: number;
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

// <seccomp.h>
const allow = 0x7fff0000;
const refuse = (errno: number): number => 0x00050000 | errno;
const lessThan = (arg: number, a: number): Compare => ({ arg, op: 2, a, b: 0 });
const equal = (arg: number, a: number): Compare => ({ arg, op: 4, a, b: 0 });
const moreThan = (arg: number, a: number): Compare => ({ arg, op: 6, a, b: 0 });
const hasBit = (arg: number, bit: number): Compare => ({ arg, op: 7, a: bit, b: bit });

/** A filter: what happens to calls in general, and to some. What the machine does not have is left out. */
function filter(otherwise: number, rules: readonly (readonly [name: string, action: number, ...compares: Compare[]])[]): void {
  const made = init(otherwise);
  for (const [name, action, ...compares] of rules) {
    const call = resolve(name);
    if (call >= 0) check(`a rule for ${name}`, add(made, action, call, compares.length, compares));
  }
  check('load the filter', load(made));
}

function check(what: string, result: number): void {
  if (result !== 0) throw new Error(`${what}: error ${-result}`);
}

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno;

// <linux/socket.h>
const families: Record<string, number> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17 };
const allowed = setting('RestrictAddressFamilies').map((name) => families[name] ?? NaN);
const between = Array.from({ length: Math.max(...allowed) }, (_, family) => family).filter((family) => family > 0 && !allowed.includes(family));
filter(allow, [lessThan(0, 1), moreThan(0, Math.max(...allowed)), ...between.map((family) => equal(0, family))].map((compare) => ['socket', refuse(EAFNOSUPPORT), compare] as const));

// <linux/sched.h>
const namespaces: Record<string, number> = { cgroup: 0x02000000, ipc: 0x08000000, net: 0x40000000, mnt: 0x00020000, pid: 0x20000000, user: 0x10000000, uts: 0x04000000 };
const refused = Object.entries(namespaces).filter(([name]) => !setting('RestrictNamespaces').includes(name));
filter(allow, [
  // What it is asked for is in memory, where no filter looks. The C library takes clone instead.
  ['clone3', refuse(ENOSYS)],
  ['setns', refuse(EPERM), equal(1, 0)],
  ...refused.flatMap(([, bit]) => ([['clone', 0], ['unshare', 0], ['setns', 1]] as const).map(([call, arg]) => [call, refuse(EPERM), hasBit(arg, bit)] as const)),
]);

filter(refuse(EPERM), readFileSync(callsPath, 'utf8').trim().split('\n').map((name) => [name, allow] as const));

const capabilities = setting('CapabilityBoundingSet').map((name) => name.replace('CAP_', '+').toLowerCase());
const rights = [`--bounding-set=-all,${capabilities.join(',')}`, '--inh-caps=-all', ...(setting('NoNewPrivileges').includes('yes') ? ['--no-new-privs'] : [])];
execv('/usr/bin/setpriv', ['setpriv', ...rights, ...command, null]);
throw new Error('setpriv cannot be run');
