/**
 * Defaults of the embedded model, where they differ from those in `options.ts`: it is small, so it
 * needs large steps and can afford large batches.
 */
export const TINY_MODEL = 'tiny';

export const TINY_DEFAULTS = {
  train: {
    learning_rate: 5e-4,
    batch_size: 512,
    beta: 0.04,
    max_steps: 2500,
    eval_steps: 250,
    save_steps: 500,
  },
  sft: { learning_rate: 1e-3, batch_size: 64 },
};

/** The defaults of a command that depend on the model. */
export function modelDefaults(command: string, model: unknown): Record<string, unknown> {
  if (model !== TINY_MODEL) return {};
  return Object.hasOwn(TINY_DEFAULTS, command) ? TINY_DEFAULTS[command as keyof typeof TINY_DEFAULTS] : {};
}
