/** Options of the commands that are no training run, and the headings of all options in `--help`. */
import { z } from 'zod';
import { path, share, whole } from '../config/declare.js';
import {
  CURRICULUM_OPTIONS,
  DATASET_OPTIONS,
  REWARD_OPTIONS,
  SAMPLES_OPTIONS,
  TASK_OPTIONS,
} from '../data/options.js';
import {
  BATCH_OPTIONS,
  ENTROPY_OPTIONS,
  ESTIMATOR_OPTIONS,
  LOSS_OPTIONS,
  OPTIMIZER_OPTIONS,
  PROBLEM_OPTIONS,
  REFERENCE_OPTIONS,
  SAMPLING_OPTIONS,
} from '../grpo/options.js';
import { LOSS_TYPES } from '../grpo/losses/types.js';
import { GGUF_DTYPES } from '../model/gguf/numbers.js';
import {
  ADAPTER_OPTIONS,
  CHAT_OPTIONS,
  CHAT_TEMPLATE_OPTIONS,
  LORA_OPTIONS,
  MACHINE_OPTIONS,
  MODEL_OPTIONS,
} from '../model/options.js';
import {
  anyTemperature,
  CHOOSING_OPTIONS,
  FORK_AT,
  FOLDER_OPTIONS,
  LENGTH_OPTIONS,
  PROBING_OPTIONS,
  START_OPTIONS,
  TRACKING_OPTIONS,
  WATCHING_OPTIONS,
} from '../run/options.js';

export const EVAL = z.strictObject({
  ...MODEL_OPTIONS,
  ...ADAPTER_OPTIONS,
  ...TASK_OPTIONS,
  ...DATASET_OPTIONS,
  ...REWARD_OPTIONS,
  ...CHAT_OPTIONS,
  split: z
    .enum(['held_out', 'train', 'validation'])
    .default('held_out')
    .describe('Which problems (validation: those of train that a run may choose its best weights by)'),
  samples: whole(1).nullable().default(null).describe('How many of them (null: all)'),
  seed: FOLDER_OPTIONS.seed,
  ...SAMPLING_OPTIONS,
  temperature: anyTemperature.default(0),
  batch_size: whole(1).default(64).describe('Problems sampled together'),
  ...MACHINE_OPTIONS,
});

export const CHECK_REWARD = z.strictObject({
  ...TASK_OPTIONS,
  ...DATASET_OPTIONS,
  reward: REWARD_OPTIONS.reward,
  reward_timeout: REWARD_OPTIONS.reward_timeout.default(10),
  samples: whole(2).default(2).describe('Problems that completions are made up for'),
});

export const GENERATE = z.strictObject({
  ...MODEL_OPTIONS,
  ...ADAPTER_OPTIONS,
  prompt: z.string().min(1).describe('Text to go on from, or to answer (--chat)'),
  num: whole(1).default(1).describe('Completions'),
  ...CHAT_OPTIONS,
  seed: FOLDER_OPTIONS.seed,
  ...SAMPLING_OPTIONS,
  stop: SAMPLING_OPTIONS.stop
    .default('none')
    .meta({ allowed: 'none, a text, or a list of texts' })
    .describe('Ends a completion: none, a text or a list of texts'),
  temperature: anyTemperature.default(0.7),
  max_completion_length: SAMPLING_OPTIONS.max_completion_length.default(64),
  ...MACHINE_OPTIONS,
});

export const SCORE = z.strictObject({
  ...MODEL_OPTIONS,
  ...ADAPTER_OPTIONS,
  ...CHAT_TEMPLATE_OPTIONS,
  temperature: z
    .number()
    .positive()
    .max(100)
    .default(1)
    .describe('Softmax temperature of the log-probabilities'),
  batch_size: whole(1).default(64).describe('Lines scored together'),
  ...MACHINE_OPTIONS,
});

export const MERGE = z.strictObject({
  model: path()
    .nullable()
    .default(null)
    .describe("The model that the adapter is for (null: as the adapter's configuration says)"),
  output_dir: path().describe('Folder to write, in the Hugging Face layout'),
  device: MACHINE_OPTIONS.device,
  threads: MACHINE_OPTIONS.threads,
  max_memory: MACHINE_OPTIONS.max_memory,
});

/** Null: as the case says. */
export const BENCH = z.strictObject({
  model: path()
    .nullable()
    .default(null)
    .describe(
      "In place of the cases' own: qwen2-0.5b or smollm2-135m (random weights), tiny, a folder or a hub id",
    ),
  steps: whole(1).nullable().default(null).describe("Repeats that are measured (null: the case's)"),
  warmup: whole(0).nullable().default(null).describe("Repeats before them (null: the case's)"),
  peer_python: path()
    .nullable()
    .default(null)
    .describe('A Python that has trl: does the same work in TRL too, which takes minutes'),
  dtype: z
    .enum(['float32', 'bfloat16'])
    .nullable()
    .default(null)
    .describe("Type of number that is computed with (null: the case's)"),
  svg: path().nullable().default(null).describe('Of gradients: file for a picture of its table'),
  threads: MACHINE_OPTIONS.threads,
});

/** Of `doctor --gpu`. */
export const DOCTOR_GPU = z.strictObject({
  device: z
    .string()
    .regex(/^(cpu|(cuda|privateuseone)(:\d+)?)$/)
    .default('cuda')
    .meta({ allowed: 'cuda, cuda:N or cpu' })
    .describe('With --gpu: what is compared with the CPU (cpu: a try of the parts themselves)'),
  output_dir: path()
    .nullable()
    .default(null)
    .describe('With --gpu: folder for what it finds (null: gpu-check-TIME, here)'),
  minutes: z.number().positive().max(600).default(8).describe('With --gpu: all of it takes no longer'),
});

export const COMPARE = z.strictObject({
  accuracy: share().default(0.5).describe('Held-out accuracy that steps and seconds are counted to'),
  svg: path().nullable().default(null).describe('File for a picture of the curves'),
});

export const REPORT = z.strictObject({
  output: path()
    .nullable()
    .default(null)
    .describe('File to write (null: report.html in the run folder; of several runs comparison.html)'),
});

export const EXPORT = z.strictObject({
  format: z.enum(['gguf']).default('gguf').describe('Format of the file'),
  dtype: z
    .enum(GGUF_DTYPES)
    .default('f16')
    .describe('Type of the weights; norms and biases are float32 in any case'),
  output: path().nullable().default(null).describe('File to write (null: NAME-DTYPE.gguf, here)'),
});

export const PUSH = z.strictObject({
  private: z.boolean().default(false).describe('A repository that is made is shown to its owner alone'),
  dry_run: z.boolean().default(false).describe('Write what would be uploaded into RUN/hub, and stop'),
});

const lossName = z.enum(LOSS_TYPES);

export const REPLAY = z.strictObject({
  losses: z
    .union([lossName, z.array(lossName).min(1)])
    .nullable()
    .default(null)
    .meta({ allowed: `${LOSS_TYPES.join(', ')}, or a list of these such as grpo,dapo` })
    .describe('Losses that are compared (null: all)'),
  at: FORK_AT.shape.at.describe('Checkpoint whose weights are taken (null: the newest whole one)'),
  steps: z
    .array(whole(1))
    .min(1)
    .nullable()
    .default(null)
    .meta({ allowed: 'a list of steps such as 10,20, or null' })
    .describe('Recorded steps (null: all)'),
  ...MACHINE_OPTIONS,
});

export const WATCH = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to serve on; any other than 127.0.0.1 lets others in'),
  port: whole(0).max(65535).default(7788).describe('Port to serve on (0: any that is free)'),
  allowed_host: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .default([])
    .meta({ allowed: 'a host name, or a list of these' })
    .describe(
      "Name that the page may be asked for by, such as a proxy's (.example.com: all below); several by a flag each",
    ),
});

export const PRESETS = z.strictObject({
  model: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("Whose options are shown (null: the journal's own model)"),
});

/** Headings of `--help`, with what is under each. */
export const GROUPS: Record<string, object> = {
  'Task and model': {
    ...MODEL_OPTIONS,
    ...ADAPTER_OPTIONS,
    ...TASK_OPTIONS,
    ...DATASET_OPTIONS,
    ...REWARD_OPTIONS,
    prompt: 0,
    num: 0,
    split: 0,
    samples: 0,
  },
  Chat: CHAT_OPTIONS,
  Run: {
    at: 0,
    ...START_OPTIONS,
    ...FOLDER_OPTIONS,
    ...LENGTH_OPTIONS,
    ...SAMPLES_OPTIONS,
    ...CURRICULUM_OPTIONS,
    ...PROBING_OPTIONS,
  },
  'Adapters (LoRA)': LORA_OPTIONS,
  Batches: BATCH_OPTIONS,
  'Choice of problems': PROBLEM_OPTIONS,
  Optimiser: OPTIMIZER_OPTIONS,
  Estimator: ESTIMATOR_OPTIONS,
  Loss: { losses: 0, ...LOSS_OPTIONS },
  'Entropy bonus': ENTROPY_OPTIONS,
  Reference: REFERENCE_OPTIONS,
  Sampling: SAMPLING_OPTIONS,
  'Evaluation and checkpoints': { ...WATCHING_OPTIONS, ...CHOOSING_OPTIONS, target_accuracy: 0 },
  Trackers: TRACKING_OPTIONS,
  'Steps and peers': { steps: 0, warmup: 0, peer_python: 0 },
  Machine: MACHINE_OPTIONS,
};

/** Options of `train`, `sft` and `plan` that most runs are decided by: what `--help` shows of each. */
export const FIRST: readonly string[] = [
  'model',
  'task',
  'dataset_name',
  'reward',
  'chat',
  'preset',
  'output_dir',
  'resume',
  'seed',
  'max_steps',
  'batch_size',
  'num_generations',
  'learning_rate',
  'beta',
  'algorithm',
  'loss_type',
  'max_completion_length',
  'temperature',
  'eval_steps',
  'save_steps',
  'target_accuracy',
  'device',
  'json',
  'page',
  'print_config',
];
