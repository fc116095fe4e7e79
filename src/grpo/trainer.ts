/**
 * GRPO (Shao et al. 2024), one step after another:
 *
 *   prompts -> G completions of each -> rewards -> advantages within each group
 *           -> log-probs of the frozen reference (beta > 0)
 *           -> num_iterations times: forward, loss, backward, optimiser step
 *
 * The run around it (metrics, checkpoints, evaluation, resuming) is `session.ts`; sampling and
 * judging are `rollout.ts`, the gradient step is `learn.ts`.
 * Left out on purpose: several processes, and prompts of more than one turn.
 */
import { toOptions, trainConfig, type TrainInput } from '../config/train-options.js';
import { expectedTensors, withoutWeightDecay } from '../model/tensor-names.js';
import type { Metrics } from '../run/metrics.js';
import { planBatches } from './batches.js';
import type { JudgedCompletion, TrainSummary } from './events.js';
import { learn, type Learned } from './learn.js';
import { prepare, type TrainExtras } from './prepare.js';
import { ReferenceCache } from './reference-cache.js';
import { recallRollout, rememberRollout } from './rollout-memory.js';
import { collect, type Rollout, type RolloutContext } from './rollout.js';
import { learningRateAt } from './schedule.js';
import { restore, runSession, type Method } from './session.js';

/**
 * A whole training run. It follows the options, tells `extras` what happens, and gives what it came to.
 * @throws {GrpoError} whatever is wrong with the options, the task or the model, before anything is written
 */
export async function train(input: TrainInput = {}, extras: TrainExtras = {}): Promise<TrainSummary> {
  const config = trainConfig(input);
  const options = toOptions(config);
  const ready = await prepare(options, extras);
  const { task, dataset, run, resumeFrom } = ready;
  const batches = planBatches(dataset.train.length, options);
  try {
    const model = await ready.load();
    if (options.beta !== 0) await model.freezeReference();
    if (resumeFrom) await restore(model, resumeFrom);
    const reference =
      options.beta === 0
        ? undefined
        : await ReferenceCache.open(
            model,
            options.temperature,
            run?.file('reference.jsonl'),
            resumeFrom?.state.global_step,
          );
    const noWeightDecay = withoutWeightDecay(expectedTensors(model.config));
    const context: RolloutContext = {
      model,
      options,
      problems: dataset.train,
      reward: ready.reward,
      isCorrect: (completion, reward) => task.isCorrect?.(completion, reward) ?? reward > 0,
      stop: ready.stop,
      reference,
      signal: extras.signal,
      onPhase: extras.onPhase,
    };
    // Completions between two uses are part of what a run must remember.
    let rollout = resumeFrom?.state.memory
      ? recallRollout(resumeFrom.state.memory, dataset.train)
      : undefined;

    const method: Method = {
      async takeStep(step) {
        const start = performance.now();
        // Batches and schedules count steps from 0.
        const fresh = rollout === undefined || batches.samples(step - 1);
        if (fresh) rollout = await collect(context, batches.prompts(step - 1), step);
        extras.onPhase?.('learning', step);
        const learningRate = learningRateAt(step - 1, batches.totalSteps, options);
        const learned = await learn(model, rollout!, options, { learningRate, noWeightDecay });
        const metrics: Metrics = {
          ...metricsOf(step, rollout!, fresh, learned),
          epoch: batches.epoch(step - 1),
          learning_rate: learningRate,
          step_time: (performance.now() - start) / 1000,
        };
        return { metrics, accuracy: rollout!.accuracy, ...(fresh && { completions: judged(rollout!) }) };
      },
      evaluate: () => ready.evaluate(model, 0),
      remember: (step) => (rollout && !batches.samples(step) ? rememberRollout(rollout) : undefined),
      close: async () => reference?.close(),
    };
    const plan = await ready.plan(model, {
      kind: 'grpo',
      steps: batches.totalSteps,
      promptsPerStep: batches.promptsPerStep,
      numGenerations: options.numGenerations,
      epochs: batches.totalSteps / batches.stepsPerEpoch,
      beta: options.beta,
    });
    const { signal } = extras;
    return await runSession({
      model,
      method,
      options,
      config,
      plan,
      run,
      resumeFrom,
      callbacks: extras,
      signal,
    });
  } finally {
    await ready.release();
  }
}

function metricsOf(step: number, rollout: Rollout, fresh: boolean, learned: Learned): Metrics {
  const lengths = rollout.completions.map(({ length }) => length);
  const count = lengths.length;
  const sampled = fresh ? rollout.seconds : { sample: 0, reward: 0, reference: 0 };
  return {
    step,
    loss: learned.loss,
    reward: rollout.advantages.reward,
    reward_std: rollout.advantages.rewardStd,
    frac_reward_zero_std: rollout.advantages.fracRewardZeroStd,
    grad_norm: learned.gradNorm,
    ...learned.metrics,
    'completions/mean_length': lengths.reduce((sum, length) => sum + length, 0) / count,
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/clipped_ratio': rollout.completions.filter(({ ended }) => ended === 'length').length / count,
    num_tokens: fresh ? rollout.tokens : 0,
    'time/sample': sampled.sample,
    'time/reward': sampled.reward,
    'time/reference': sampled.reference,
    'time/train': learned.seconds.train,
    'time/optimizer': learned.seconds.optimizer,
    'tokens/sampled': fresh ? rollout.sampled : 0,
    'tokens/computed': learned.computed + (fresh ? rollout.computed : 0),
  };
}

function judged({ completions, rewards, advantages }: Rollout): JudgedCompletion[] {
  return completions.map(({ text, ended, problem, length }, i) => ({
    prompt: problem.prompt,
    answer: problem.answer,
    completion: text,
    length,
    ended,
    reward: rewards[i]!,
    advantage: advantages.values[i]!,
  }));
}
