/** Second stage: what is to be learned and how it is judged. */
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

/** @throws {GrpoError} TASK_NOT_FOUND, BAD_TASK, MODULE_FAILED, ALGORITHM, CURRICULUM, and what `loadRewards` throws */
export async function taskStage(options: StageOptions, extras: TrainExtras): Promise<Subject> {
  const curriculum = extras.task
    ? [{ untilEpoch: Infinity, task: extras.task, trainSamples: null }]
    : await loadStages(options);
  const task = await curriculumTask(curriculum);
  const rewards = extras.reward
    ? [{ name: 'reward', reward: extras.reward }]
    : await loadRewards(options.reward, task);
  const algorithm = completeAlgorithm({
    ...(options.algorithm && (await loadAlgorithm(options.algorithm))),
    ...(extras.advantages && { advantages: extras.advantages }),
    ...(extras.loss && { loss: extras.loss }),
  });
  const rules = rulesOf(task, rewards);
  return { task, curriculum, rewards, rules, algorithm, stop: stopRule(options.stop, rules) };
}
