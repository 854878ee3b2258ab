// Prints the manual pages of netctld, made of the table that also makes its help. Usage: manual.js 8|5 VERSION DATE
import { example, page, paragraph, section, term } from '../src/text/manual.js';
import { defaultFile } from './config/command-line.js';
import { flagOf, optionNames, options, variableOf } from './config/options.js';

const [wanted = '', version = 'unknown', date = ''] = process.argv.slice(2);

const pages: Readonly<Record<string, () => string>> = { 8: daemonPage, 5: filePage };
process.stdout.write((pages[wanted] ?? usage)());

function usage(): never {
  throw new Error('give 8 or 5, a version and a date');
}

function optionTerms(spell: (flag: string) => string): string[] {
  return optionNames.map((name) => {
    const { describe, fallback, shown } = options[name];
    return term(spell(flagOf(name)), `${describe.charAt(0).toUpperCase()}${describe.slice(1)}. Default: ${shown ?? JSON.stringify(fallback).replaceAll('"', '')}.`);
  });
}

function daemonPage(): string {
  return page(
    { name: 'netctld', section: 8, date, version },
    section('Name', 'netctld \\- networks and services for the containers of a Docker host'),
    section('Synopsis', paragraph('netctld [FLAGS]')),
    section(
      'Description',
      paragraph(
        'netctld is a Docker network and IPAM plugin. It keeps tenants, networks and services, finds the providers of each service by the labels of containers, and programs the kernel (nftables, in one network namespace for each tenant), so that a connection to a service IP reaches a provider. It is told what to do with netctl(1).',
      ),
      paragraph('It runs as root, one on each host, in the foreground, and writes its log to standard output, one JSON object a line. When it ends, the kernel goes on: connections stay, and containers stay connected. While it is away, no container can be started on its networks.'),
    ),
    section(
      'Options',
      paragraph(`A flag goes before its environment variable, that before the configuration file, that before the default. The variable of --log-level is ${variableOf('log-level')}, and so on.`),
      term('--config FILE', `The configuration file, see netctld.json(5). Default: ${defaultFile}, if present.`),
      ...optionTerms((flag) => `--${flag} VALUE`),
      term('--help', 'Lists the flags.'),
      term('--version', 'Tells the version.'),
    ),
    section(
      'Listening on TCP',
      paragraph(
        'Whoever reaches the API may program the network of the host. On loopback addresses that is everybody on the host. On others netctld listens only with TLS, and speaks only to clients that have a certificate of an authority in --tls-ca: give that authority to nobody else.',
      ),
    ),
    section('Signals', term('SIGTERM, SIGINT', 'End netctld. What the kernel holds stays.'), term('SIGHUP', 'Reads the certificates anew. Files that will not do change nothing.')),
    section(
      'Files',
      term(defaultFile, 'The configuration.'),
      term('/var/lib/netctl', 'The state.'),
      term('/run/netctl/netctl.sock', 'The REST API. Members of the group netctl may use it; where there is no such group, those of the group docker.'),
      term('/run/docker/plugins/netctl.sock', 'Where Docker finds the plugin.'),
      term('/run/netns/netctl-TENANT', "The network namespace of a tenant's router."),
    ),
    section('Environment', term('NOTIFY_SOCKET, WATCHDOG_USEC', 'A service manager, which is told of readiness, status and end, and shown that netctld is alive, as sd_notify(3) has it.')),
    section('See also', paragraph('netctl(1), netctld.json(5), dockerd(8), nft(8), ip-netns(8), systemctl(1)')),
  );
}

function filePage(): string {
  return page(
    { name: 'netctld.json', section: 5, date, version },
    section('Name', 'netctld.json \\- configuration of netctld'),
    section('Description', paragraph('A JSON object, which netctld(8) reads when it starts. Its keys are the names of the flags, without their dashes; a flag or an environment variable goes before it. Keys that are not known are refused.')),
    section('Keys', ...optionTerms((flag) => `"${flag}"`)),
    section('Example', example('{', '  "log-level": "debug",', '  "listen": "127.0.0.1:9999"', '}')),
    section('Files', term(defaultFile, 'Where netctld looks, unless --config or NETCTLD_CONFIG says otherwise.')),
    section('See also', paragraph('netctld(8), netctl(1)')),
  );
}
