import { defineConfig } from 'tsup';

const shared = {
  target: 'node20',
  platform: 'node',
  outDir: 'dist',
  sourcemap: true,
  clean: false,
} as const;

export default defineConfig([
  {
    // The library: ES modules and CommonJS, with types for both.
    ...shared,
    entry: { index: 'src/index.ts' },
    format: ['esm', 'cjs'],
    dts: true,
    // `import.meta.url` in the CommonJS build.
    shims: true,
    splitting: false,
  },
  {
    // The command line: split, so that `--help` loads neither the engine nor the trainer.
    ...shared,
    entry: {
      cli: 'src/cli/bin.ts',
      // The process of one case of `bench`.
      'bench-child': 'bench/child.ts',
      // The process that runs the parts of `doctor --gpu`.
      'gpu-child': 'bench/gpu/child.ts',
      // The processes of the trial of `setup --mpi`.
      'ranks-trial': 'src/engine/ranks/trial.ts',
      // What npm's install hook and node-gyp call, before anything of a checkout can run.
      install: 'src/cli/install.ts',
    },
    format: ['esm'],
    splitting: true,
  },
  {
    // The page of a run: one script and one style, which `report.html` holds and `watch` serves.
    entry: { page: 'src/ui/browser/main.ts' },
    outDir: 'dist/page',
    target: 'es2022',
    platform: 'browser',
    format: ['iife'],
    outExtension: () => ({ js: '.js' }),
    noExternal: [/./],
    minify: true,
    sourcemap: false,
    clean: false,
  },
]);
