import type { Plugin } from 'esbuild';

/** A package, or a file of one, that is something else in the bundle. */
interface Replacement {
  /** What is imported. */
  readonly what: RegExp;
  /** From which files. */
  readonly by: RegExp;
  readonly text: string;
}

/** In place of what is imported but hardly ever used: it is loaded when something of it is. */
const later = (name: string): string => `module.exports = new Proxy({}, { get: (_, key) => require(${JSON.stringify(name)})[key] });`;

/** In place of what is imported but never called; should it be called after all, that is said. */
const leftOut = (name: string): string => `module.exports = () => { throw new Error(${JSON.stringify(`${name} is left out of the bundle, see bundle/replaced.ts`)}); };`;

/**
 * What would be loaded at each start for nothing. Measured on a machine where `node -e 0` takes 65 ms: string-width 34 ms (it asks ICU for the
 * segments of a text, and help is ASCII), assert 7 ms, ssh2, gRPC and protobuf, which dockerode loads, 30 ms.
 */
const replacements: readonly Replacement[] = [
  { what: /^string-width$/, by: /\/(yargs|cliui|wrap-ansi)\//, text: 'export default (text) => text.length;' },
  { what: /^assert$/, by: /\/yargs\//, text: "const check = (holds, message) => { if (!holds) throw new Error(message); }; export const strictEqual = (a, b, message) => check(Object.is(a, b), message); export const notStrictEqual = (a, b, message) => check(!Object.is(a, b), message);" },
  { what: /^node:module$/, by: /\/yargs\//, text: 'export const createRequire = () => require;' },
  // Docker is only spoken with over its Unix socket, and nothing is built.
  { what: /^\.\/ssh$/, by: /\/docker-modem\//, text: leftOut('Docker over SSH') },
  // Each request is made a text of, down to its last socket, for a debugger that is hardly ever there: 4 ms of each question, measured at a start with 1,000 containers.
  { what: /^util$/, by: /\/docker-modem\/lib\/modem\.js$/, text: "module.exports = { inspect: () => 'a request' };" },
  { what: /^\.\/session$/, by: /\/dockerode\//, text: leftOut('a BuildKit session') },
  { what: /^\.\/buildkit$/, by: /\/dockerode\//, text: leftOut('BuildKit') },
  { what: /^(tar-fs|@balena\/dockerignore)$/, by: /\/dockerode\//, text: leftOut('the context of a build') },
  // Metrics are fetched and not sent.
  { what: /^\.\/lib\/pushgateway$/, by: /\/prom-client\//, text: leftOut('a push gateway') },
  // What compiles schemas other than those of zod is made ready before fastify is told of another.
  { what: /^@fastify\/(ajv-compiler|fast-json-stringify-compiler)$/, by: /\/fastify\//, text: `${leftOut('a compiler of schemas')}\nconst compile = module.exports; module.exports = () => compile;` },
  { what: /^thread-stream$/, by: /\/pino\//, text: leftOut('a thread for the log') },
  ...['cluster', 'dns', 'http2', 'https', 'zlib'].map((name) => ({ what: new RegExp(`^(node:)?${name}$`), by: /\/(dockerode|docker-modem|fastify|prom-client)\//, text: later(name) })),
  // The API's description is given as JSON only.
  { what: /^yaml$/, by: /\/@fastify\/swagger\//, text: leftOut('YAML') },
];

export const replaced: Plugin = {
  name: 'replaced',
  setup(build) {
    const namespace = 'replaced';
    replacements.forEach(({ what, by }, index) => {
      build.onResolve({ filter: what }, ({ importer }) => (by.test(importer) ? { path: String(index), namespace } : undefined));
    });
    build.onLoad({ filter: /./, namespace }, ({ path }) => ({ contents: replacements[Number(path)]?.text ?? '' }));
  },
};
