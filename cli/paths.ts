import { objectKey } from '../src/model/names.js';

/** The plural words of Contiv's REST paths. */
export type Collection = 'tenants' | 'networks' | 'serviceLBs' | 'endpoints' | 'hosts';

const root = '/api/v1';

/** The list of all tenants' objects, each with what was observed of it. */
export const inspectAll = (collection: Collection): string => `${root}/inspect/${collection}/`;
/** The same of one tenant, or of all, and without what belongs to each object: of ten thousand services nobody wants to see all providers in a table. */
export const summarizeAll = (collection: Collection, tenant: string | undefined): string =>
  `${inspectAll(collection)}?${new URLSearchParams({ ...(tenant === undefined ? {} : { tenant }), brief: 'true' }).toString()}`;
export const inspectOne = (collection: Collection, key: string): string => `${root}/inspect/${collection}/${encode(key)}/`;
/** Every endpoint whose id, container id or container name contains the text. */
export const matchingEndpoints = (text: string): string => `${inspectAll('endpoints')}?match=${encodeURIComponent(text)}`;
export const objectPath = (collection: Collection, key: string): string => `${root}/${collection}/${encode(key)}/`;
export const explainPath = (key: string): string => `${root}/explain/serviceLBs/${encode(key)}/`;
export const statsPath = (key: string): string => `${root}/stats/serviceLBs/${encode(key)}/`;
export const statsOfTenant = (tenant: string): string => `${root}/stats/serviceLBs/?${new URLSearchParams({ tenant }).toString()}`;
/** Of one container, by its name or the beginning of its id. */
export const drainPath = (key: string, container: string): string => `${root}/drain/serviceLBs/${encode(key)}/${encodeURIComponent(container)}/`;
export const eventsPath = (query: Readonly<Record<string, string>>): string => `${root}/events/?${new URLSearchParams(query).toString()}`;
export const doctorPath = `${root}/doctor/`;
export const rekeyPath = `${root}/rekey/`;
export const versionPath = '/version';

/** `tenant:name`; whether both are names is for netctld to judge. */
export const keyOf = objectKey;

/** The colon of a key stays as Contiv's clients send it; whatever else a user types cannot change the path. */
function encode(key: string): string {
  return key.split(':').map(encodeURIComponent).join(':');
}
