import type { Noun } from './command.js';

/** Everything that may follow `netctl`, in the order in which help shows it. */
export const nouns: readonly Noun[] = [
  {
    name: 'network',
    aliases: ['net'],
    summary: 'Create, list, inspect and delete networks',
    load: async () => (await import('./network.js')).networkCommands,
  },
  {
    name: 'service',
    aliases: [],
    summary: 'Create, update, list, explain, drain, measure and delete services',
    load: async () => (await import('./service.js')).serviceCommands,
  },
  {
    name: 'endpoint',
    aliases: ['ep'],
    summary: 'List and inspect the attachments of containers to networks',
    load: async () => (await import('./endpoint.js')).endpointCommands,
  },
  {
    name: 'port',
    aliases: [],
    summary: 'Show which ports of a container are published on its host',
    load: async () => (await import('./port.js')).portCommand,
  },
  {
    name: 'tenant',
    aliases: [],
    summary: 'Create, list, inspect and delete tenants',
    load: async () => (await import('./tenant.js')).tenantCommands,
  },
  {
    name: 'host',
    aliases: [],
    summary: 'List, inspect, remove and rekey the hosts that share the state',
    load: async () => (await import('./host.js')).hostCommands,
  },
  {
    name: 'events',
    aliases: [],
    summary: 'Show what happened, and follow what happens',
    load: async () => (await import('./events.js')).eventsCommand,
  },
  {
    name: 'doctor',
    aliases: [],
    summary: 'Look whether all is well, and repair it',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
  {
    name: 'version',
    aliases: [],
    summary: 'Show the versions of netctl and netctld',
    load: async () => (await import('./version.js')).versionCommand,
  },
  {
    name: 'completion',
    aliases: [],
    summary: 'Print a completion script for your shell',
    load: async () => (await import('./completion.js')).completionCommand,
  },
];
