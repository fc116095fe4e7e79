/**
 * The plan of the house, kept by `npm run lint`: imports go one way, from the command line down to the
 * machine, and never in a circle. docs/architecture.md draws it.
 */
const ROOMS = [
  'cli', // one file a command
  'ui', // shown to people: terminal, live server, browser page
  'experiments', // presets, sweeps, comparisons, plans: runs by name, and several of them
  'run', // one run: its stages, its folder, diagnosis, trackers
  'grpo', // the algorithm
  'data', // tasks and rewards
  'model', // Hugging Face folders, the tokenizer, LanguageModel
  'hub', // downloads from the Hugging Face hub, its cache, uploads
  'engine', // the addon's surface, and how it is built
  'config', // how options are declared, checked and read
  'machine', // files, memory, processes
  'common', // errors, numbers, text; imports nothing of this project
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Files that import each other can be neither read nor tested one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...ROOMS.slice(1).map((room, i) => ({
      name: `${room}-imports-downward`,
      comment: `${room} may import what is below it: ${ROOMS.slice(i + 2).join(', ') || 'nothing'}.`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${ROOMS.slice(0, i + 1).join('|')}|index\\.ts)` },
    })),
    {
      name: 'bench-beside-the-command-line',
      comment: 'bench measures what the rooms do; only the command line starts it.',
      severity: 'error',
      from: { path: '^src/(?!cli/)' },
      to: { path: '^bench/' },
    },
    {
      name: 'terminal-libraries-above',
      comment: 'yargs and terminal libraries stay with those who show and ask.',
      severity: 'error',
      from: { path: '^src/(?!cli|ui)' },
      to: { path: 'node_modules/(yargs|log-update|picocolors|slice-ansi|string-width|wrap-ansi)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
