import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// Who may import whom: docs/architecture.md. A wrong import fails `make lint`.
const zones = [
  { target: './src/model', from: ['./src'], except: ['./model'], message: 'src/model imports nothing of the project.' },
  { target: './src', from: ['./cli', './daemon', './plugin', './lab', './test'], message: 'src/ is pure: it knows no adapter.' },
  { target: './cli', from: ['./daemon', './plugin'], message: 'cli/ imports src/ only.' },
  { target: './plugin', from: ['./cli', './daemon'], message: 'plugin/ imports src/ only.' },
  { target: './daemon/control', from: ['./daemon/api', './daemon/main.ts'], message: 'Controllers know ports, not who calls them.' },
  { target: './daemon', from: ['./cli'], message: 'The daemon does not know its command line client.' },
];

// Ports of an adapter folder are in files named port.ts; only daemon/main.ts sees what implements them.
const adapters = ['**/daemon/kernel/!(*port).js', '**/kernel/!(*port).js', '**/daemon/docker/!(*port).js', '**/docker/!(*port).js', '**/store/!(port).js'];

export default tseslint.config(
  { ignores: ['dist/', '.build/', 'node_modules/', '.tap/', 'bench/results/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.js'],
      // Sources import the compiled name, x.js; the rules must find x.ts.
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } })],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: 'src/ does no IO.' }] }] },
  },
  {
    files: ['daemon/control/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group: adapters, message: 'Controllers import port types only.' }] }] },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/require-await': 'off' } },
);
