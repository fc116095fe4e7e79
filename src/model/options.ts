/** Options of the model and of the device that computes it. */
import { z } from 'zod';
import { path, whole } from '../config/declare.js';
import { DEFAULT_LORA, LINEAR_LAYERS } from './lora.js';

export const MODEL_OPTIONS = {
  model: path()
    .default('tiny')
    .describe('tiny, a folder in the Hugging Face layout, a run (runs/NAME), or a hub id'),
};

/** LoRA, by the names of TRL's `ModelConfig` and of PEFT. */
export const LORA_OPTIONS = {
  use_peft: z
    .boolean()
    .default(false)
    .describe('Adapters (LoRA) learn in place of the weights, for a fraction of the memory'),
  lora_r: whole(1).max(4096).default(DEFAULT_LORA.r).describe('Rank of the adapters'),
  lora_alpha: z
    .number()
    .positive()
    .default(DEFAULT_LORA.alpha)
    .describe('What adapters add is multiplied by lora_alpha / lora_r'),
  lora_target_modules: z
    .union([z.enum(['all-linear', ...LINEAR_LAYERS]), z.array(z.enum(LINEAR_LAYERS)).min(1)])
    .nullable()
    .default(null)
    .meta({ allowed: `all-linear, or a list such as q_proj,v_proj of ${LINEAR_LAYERS.join(', ')}, or null` })
    .describe('Layers that have an adapter (null: all linear ones)'),
  use_rslora: z.boolean().default(false).describe('Multiply by lora_alpha / sqrt(lora_r) instead (rsLoRA)'),
};

export const ADAPTER_OPTIONS = {
  adapter: path()
    .nullable()
    .default(null)
    .describe('Adapter (LoRA) for the model: a folder that PEFT or a run wrote, a run, or a hub id'),
};

export const CHAT_TEMPLATE_OPTIONS = {
  chat_template_path: path()
    .nullable()
    .default(null)
    .describe("File of a chat template, or folder of a model that has one (null: the model's own)"),
  chat_template_kwargs: z
    .record(z.string(), z.unknown())
    .nullable()
    .default(null)
    .meta({ allowed: 'names with values, such as {enable_thinking: false}, or null' })
    .describe('Variables that the chat template reads, such as {enable_thinking: false} of Qwen3'),
};

export const CHAT_OPTIONS = {
  chat: z
    .boolean()
    .default(false)
    .describe("Put prompts to the model as a user's message, by its chat template"),
  system_prompt: z
    .string()
    .nullable()
    .default(null)
    .describe('System message before it, where a conversation has none of its own (implies --chat)'),
  ...CHAT_TEMPLATE_OPTIONS,
};

export const MACHINE_OPTIONS = {
  dtype: z
    .enum(['float32', 'bfloat16', 'auto'])
    .default('float32')
    .describe('Type of numbers that is computed with (auto: what is faster here, as measured)'),
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
