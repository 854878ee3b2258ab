import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** Loaded from where they are installed, with all that they need. raw-socket may be missing, and koffi finds its binary by its own place. */
export const external: readonly string[] = ['koffi', 'raw-socket'];

/** In the bundle, but for files that they read: binaries, and the description of etcd's protocol. */
export const ownFiles: readonly string[] = ['classic-level', 'etcd3', 'netlink'];

/** What looks for a file beside itself looks where its package is installed. */
export const withFiles: Plugin = {
  name: 'with-files',
  setup(build) {
    build.onLoad({ filter: new RegExp(`/node_modules/(${ownFiles.join('|')})/.*\\.js$`) }, async ({ path }) => {
      const inPackage = path.slice(path.lastIndexOf('/node_modules/') + '/node_modules/'.length);
      const text = await readFile(path, 'utf8');
      if (!text.includes('__dirname')) return undefined;
      return { contents: `const __place = require("node:path").dirname(require.resolve(${JSON.stringify(inPackage)}));\n${text.replaceAll('__dirname', '__place')}` };
    });
  },
};
