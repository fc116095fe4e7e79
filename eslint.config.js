import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', 'runs/', 'coverage/', '.cache/', '.venv/', 'models/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers are what this project prints.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `array[i]!` in a loop over that array says more than a check that can't fail.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      // `readJson<T>(file)` states what is expected; so does every caller.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Tasks and rewards may be asynchronous; a built-in one need not be.
      '@typescript-eslint/require-await': 'off',
      // Prompts and digits are spread into characters on purpose.
      '@typescript-eslint/no-misused-spread': 'off',
      // What was caught is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    // `expect(object.method)` and mocks take methods apart on purpose.
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },
  {
    // An example may name what it uses of the platform.
    rules: { 'no-redeclare': ['error', { builtinGlobals: false }] },
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'URL',
          'require',
          'setTimeout',
          'clearTimeout',
          'AbortController',
          'Buffer',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
