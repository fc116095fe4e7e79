/** Options of the model and of the device that computes it. */
import { z } from 'zod';
import { path, whole } from '../config/declare.js';

export const MODEL_OPTIONS = {
  model: path()
    .default('tiny')
    .describe('tiny, a folder in the Hugging Face layout, a run (runs/NAME), or a hub id'),
};

export const MACHINE_OPTIONS = {
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('Type of numbers that is computed with'),
  device: z
    .string()
    // (privateuseone: a device of another library in this process; the tests have one.)
    .regex(/^(auto|cpu|(cuda|privateuseone)(:\d+)?)$/)
    .default('auto')
    .meta({ allowed: 'auto, cpu, cuda or cuda:N' })
    .describe('auto (a GPU that works, else the CPU), cpu, cuda or cuda:N'),
  threads: whole(0)
    .max(1024)
    .default(0)
    .describe('CPU threads (0: one a physical core, within the quota of a container)'),
  max_memory: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('GB of memory that the process may take; on a GPU, its tensors there (null: what is free)'),
};
