/** Options that were changed when a run was resumed or forked: which changes are allowed, and which are refused. */
import { GrpoError } from '../../common/errors.js';
import { camelKeys } from '../../config/names.js';
import { sameSource, type DatasetSource } from '../../data/datasets/source.js';
import { choosingOf } from '../choosing.js';
import type { Change } from './changes.js';
import type { Fingerprints } from './environment.js';

/** Options that do not affect what a run computes; their changes are ignored. */
const IGNORED = ['output_dir', 'resume', 'preset', 'report_to', 'run_name'];

/**
 * Options that decide which prompts a step has, or what learns. With other values the step of the checkpoint would be
 * a step of another run, so these changes are refused. (A dataset may have moved: `refuseOtherData` compares what is
 * in it.)
 */
const FIXED = [
  'model',
  'init_from',
  'fork_from',
  'use_peft',
  'lora_r',
  'lora_alpha',
  'lora_target_modules',
  'use_rslora',
  'task',
  'task_weights',
  'max_operand',
  'operations',
  'dataset_config',
  'dataset_train_split',
  'dataset_test_split',
  'prompt_column',
  'answer_column',
  'prompt_template',
  'curriculum',
  'chat',
  'system_prompt',
  'chat_template_path',
  'chat_template_kwargs',
  'train_samples',
  'unique_samples',
  'seed',
  'batch_size',
  'num_generations',
  'steps_per_generation',
  'gradient_accumulation_steps',
  'num_iterations',
];

/** The options whose values differ. Options that only one of the two versions knows are ignored. */
export function changesOf(before: Record<string, unknown>, now: Record<string, unknown>): Change[] {
  return Object.keys(now)
    .filter((option) => option in before && !IGNORED.includes(option))
    .map((option) => ({ option, before: before[option], now: now[option] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.now));
}

export const changeText = ({ option, before, now }: Change): string =>
  `${option} ${JSON.stringify(before)} is now ${JSON.stringify(now)}`;

const REFUSALS = {
  resume: { code: 'RESUME_CHANGED', run: 'a resumed run' },
  fork: { code: 'FORK_CHANGED', run: 'a fork' },
};

/**
 * @param before the run's options until now, as `config.yaml` has them
 * @throws {GrpoError} RESUME_CHANGED or FORK_CHANGED
 */
export function refuseMeaningless(
  changes: readonly Change[],
  before: Record<string, unknown>,
  now: Record<string, unknown>,
  how: keyof typeof REFUSALS = 'resume',
): void {
  refuseOtherChoice(chosenBy(before), chosenBy(now), how);
  const wrong = changes.filter(({ option }) => FIXED.includes(option));
  if (wrong.length === 0) return;
  const { code, run } = REFUSALS[how];
  throw new GrpoError(code, `${run} can't go on with ${wrong.map(changeText).join(', ')}`, {
    fix: `${how} without these options, or start another run, from these weights if you like: --init-from RUN`,
    value: wrong.map(({ option }) => option),
  });
}

/** What the best weights are chosen by. Where it is nothing, the validation problems are trained on. */
const chosenBy = (config: Record<string, unknown>): string | undefined =>
  choosingOf(camelKeys(config))?.metric;

function refuseOtherChoice(
  before: string | undefined,
  now: string | undefined,
  how: keyof typeof REFUSALS,
): void {
  if (before === now) return;
  const [was, is] = [before, now].map((metric) =>
    metric === undefined ? 'nothing' : `validation ${metric}`,
  );
  const { code, run } = REFUSALS[how];
  throw new GrpoError(
    code,
    `${run} can't choose its best weights by ${is}: ` +
      (before === undefined ? 'it has trained on the validation problems' : `until now it chose by ${was}`),
    {
      fix:
        (before === undefined
          ? `${how} without load_best_model_at_end, metric_for_best_model, early_stopping_patience and stop_at_accuracy`
          : `${how} with --metric-for-best-model ${before}`) +
        ', or start another run, from these weights if you like: --init-from RUN',
      value: now ?? null,
    },
  );
}

/**
 * @param env `env.json` of the run until now
 * @param now the dataset as it is; undefined: the run has none
 * @throws {GrpoError} DATASET_CHANGED
 */
export function refuseOtherData(
  env: Record<string, unknown> | undefined,
  now: DatasetSource | undefined,
  how: keyof typeof REFUSALS = 'resume',
): void {
  const before = env?.dataset as DatasetSource | undefined;
  if (!before || !now || sameSource(before, now)) return;
  throw new GrpoError(
    'DATASET_CHANGED',
    `the dataset ${[now.name].flat().join(', ')} has changed: ${REFUSALS[how].run} would go on with other problems`,
    {
      fix: `put back what env.json of the run names, by its SHA-256 or revision, or start another run, from these weights if you like: --init-from RUN`,
      value: now.name,
    },
  );
}

/**
 * Checkpoints of adapters hold these alone, and go on with the weights that they learned beside; conversations go on
 * with the same template.
 * @param env `env.json` of the run until now
 * @param now of what was read
 * @param folder of the model
 * @throws {GrpoError} MODEL_CHANGED, CHAT_TEMPLATE_CHANGED
 */
export function refuseOtherModel(
  env: Record<string, unknown> | undefined,
  { frozenWeights, chatTemplate }: Fingerprints,
  folder: string | undefined,
): void {
  const differs = (before: unknown, now: string | undefined) =>
    before !== undefined && now !== undefined && before !== now;
  if (differs(env?.frozen_weights, frozenWeights))
    throw new GrpoError(
      'MODEL_CHANGED',
      `the weights in ${folder} are others than those that the adapters are for`,
      {
        fix: 'put back the weights that the run began with, or start another run from its adapters: --init-from RUN',
        value: folder,
      },
    );
  if (differs(env?.chat_template, chatTemplate))
    throw new GrpoError(
      'CHAT_TEMPLATE_CHANGED',
      'the chat template is another one than the run began with: it would go on with other prompts',
      {
        fix: 'put back the template that env.json of the run names by its SHA-256, or start another run, from these weights if you like: --init-from RUN',
        value: chatTemplate,
      },
    );
}
