/** Second stage: what is to be learned and how it is judged. */
import { GrpoError } from '../../common/errors.js';
import { loadRewards } from '../../data/rewards/load.js';
import { rulesOf, type Rules } from '../../data/rewards/rules.js';
import type { NamedReward } from '../../data/rewards/types.js';
import { curriculumTask, loadStages, type CurriculumStage } from '../../data/tasks/index.js';
import type { StopRule, Task } from '../../data/tasks/task.js';
import { completeAlgorithm, loadAlgorithm, type CompleteAlgorithm } from '../../grpo/algorithm.js';
import { stopRule } from '../../grpo/stop.js';
import type { TrainExtras } from '../extras.js';
import type { StageOptions } from './options.js';

export interface Subject {
  task: Task;
  /** The task's parts, one after another, of a curriculum; else the task alone. */
  curriculum: CurriculumStage[];
  rewards: NamedReward[];
  /** Which completions are right under these rewards, and how an answer is read. */
  rules: Rules;
  algorithm: CompleteAlgorithm;
  /** Ends a completion; undefined: nothing does but the end of sequence and the length. */
  stop: StopRule | undefined;
}

/** @throws {GrpoError} the codes of `loadStages` and of `loadRewards`; MODULE_FAILED, ALGORITHM */
export async function taskStage(options: StageOptions, extras: TrainExtras): Promise<Subject> {
  const curriculum = extras.task
    ? [{ untilEpoch: Infinity, task: ofProgram(extras.task, options), trainSamples: null }]
    : await loadStages(options, extras);
  const task = await curriculumTask(curriculum);
  const rewards = extras.reward
    ? [{ name: 'reward', reward: extras.reward }]
    : await loadRewards(options.reward, task);
  const algorithm = completeAlgorithm({
    ...(options.algorithm && (await loadAlgorithm(options.algorithm))),
    ...(extras.advantages && { advantages: extras.advantages }),
    ...(extras.loss && { loss: extras.loss }),
  });
  const rules = rulesOf(task, rewards, options.rewardWeights);
  return { task, curriculum, rewards, rules, algorithm, stop: stopRule(options.stop, rules) };
}

/** A program's task stands for the option `task`, not for a dataset. */
function ofProgram(task: Task, { datasetName }: StageOptions): Task {
  if (datasetName === null) return task;
  throw new GrpoError('BAD_COMBINATION', 'the program gives a task, and dataset_name a dataset', {
    fix: 'leave out one of them',
    value: datasetName,
  });
}
