import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// Who may import whom: docs/architecture.md. A wrong import fails `make lint`.
const zones = [
  { target: './src/model', from: ['./src'], except: ['./model'], message: 'src/model imports nothing of the project.' },
  { target: './src', from: ['./cli', './daemon', './plugin', './lab', './test', './bench'], message: 'src/ is pure: it knows no adapter.' },
  { target: './cli', from: ['./daemon', './plugin'], message: 'cli/ imports src/ only.' },
  { target: './plugin', from: ['./cli', './daemon'], message: 'plugin/ imports src/ only.' },
  { target: './daemon/control', from: ['./daemon/api', './daemon/main.ts'], message: 'Controllers know ports, not who calls them.' },
  // The ports of an adapter folder are in its port.ts; what implements them only daemon/main.ts sees.
  ...['kernel', 'docker', 'store'].map((adapters) => ({
    target: './daemon/control',
    from: [`./daemon/${adapters}`],
    except: ['./port.ts'],
    message: 'Controllers import port types only.',
  })),
  { target: './daemon', from: ['./cli'], message: 'The daemon does not know its command line client.' },
];

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
      // Packages do not import the project, so that no cycle goes through them.
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
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
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/require-await': 'off' } },
);
