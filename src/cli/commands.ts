/** The commands by name. The code of one is loaded when it is called and not before. */
import type { CommandModule } from 'yargs';
import type { Helpful } from './flag-list.js';

interface Entry {
  describe: string;
  load: () => Promise<unknown>;
}

/** In the order in which they are listed. */
export const COMMANDS: Record<string, Entry> = {
  setup: { describe: 'Find or fetch libtorch and build the native engine', load: () => import('./setup.js') },
  doctor: { describe: 'Check what training needs, and say what mends it', load: () => import('./doctor.js') },
  train: { describe: 'Teach a model a task with GRPO', load: () => import('./train.js') },
  plan: {
    describe: 'Say what a training run will take, and whether it can learn',
    load: () => import('./plan.js'),
  },
  fork: {
    describe: 'Go on from a checkpoint of a run with other options',
    load: () => import('./fork.js'),
  },
  sft: { describe: 'Teach a model the right answers of a task', load: () => import('./sft.js') },
  eval: { describe: 'Measure how often a model is right', load: () => import('./eval.js') },
  generate: { describe: 'Sample completions of a prompt', load: () => import('./generate.js') },
  score: { describe: 'Log-probabilities of given completions', load: () => import('./score.js') },
  'check-reward': {
    describe: 'Show what a reward makes of right, wrong and hostile completions',
    load: () => import('./check-reward.js'),
  },
  presets: {
    describe: "List the journal's experiments and published recipes",
    load: () => import('./presets.js'),
  },
  sweep: { describe: 'Run several trainings, from a list or a grid', load: () => import('./sweep.js') },
  compare: { describe: 'Put runs side by side', load: () => import('./compare.js') },
  report: { describe: 'Write a page that shows or compares runs', load: () => import('./report.js') },
  export: {
    describe: 'Write a model as a GGUF file, for llama.cpp and the tools around it',
    load: () => import('./export.js'),
  },
  merge: {
    describe: 'Write a model with its adapter (LoRA) in its weights',
    load: () => import('./merge.js'),
  },
  push: { describe: "Upload a run's model to the hub, with a model card", load: () => import('./push.js') },
  replay: {
    describe: 'Score recorded completions under other losses, and compare their gradients',
    load: () => import('./replay.js'),
  },
  watch: { describe: 'Serve the page of a run while it goes on', load: () => import('./watch.js') },
  bench: {
    describe: "Measure tokens a second, beside the machine's limits",
    load: () => import('./bench.js'),
  },
};

export async function loadCommand({ load }: Entry): Promise<CommandModule<object, never> & Helpful> {
  return ((await load()) as { command: CommandModule<object, never> & Helpful }).command;
}
