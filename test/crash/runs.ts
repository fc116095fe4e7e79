/**
 * The runs that are killed: small, and with everything that a checkpoint must bring back (both moments, the
 * place in curriculum and mixture, completions between their uses, the adaptive entropy bonus, the reference).
 */
const COMMON = {
  model: 'tiny',
  curriculum: [
    { until_epoch: 1, max_operand: 5 },
    { task: 'mixed', task_weights: { arithmetic: 2, counting: 1 }, max_operand: 9 },
  ],
  train_samples: 48,
  max_steps: 40,
  batch_size: 64,
  num_generations: 8,
  steps_per_generation: 2,
  num_iterations: 2,
  learning_rate: 5e-4,
  lr_scheduler_type: 'cosine',
  warmup_steps: 4,
  beta: 0.04,
  use_adaptive_entropy: true,
  entropy_coef: 0.01,
  entropy_target: 0.8,
  max_completion_length: 6,
  eval_steps: 5,
  eval_samples: 8,
  save_steps: 8,
  save_total_limit: 2,
  threads: 1,
};

export const RUNS: Record<string, Record<string, unknown>> = {
  'log-probs of a frozen reference are kept': COMMON,
  'the reference follows the policy': { ...COMMON, sync_ref_model: true, ref_model_sync_steps: 4 },
  'the best weights are kept': { ...COMMON, load_best_model_at_end: true, early_stopping_patience: 4 },
  'adapters learn': {
    ...COMMON,
    use_peft: true,
    lora_r: 4,
    learning_rate: 5e-3,
    load_best_model_at_end: true,
  },
};
