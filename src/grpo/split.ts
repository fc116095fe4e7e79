/**
 * Sampling, scoring and learning in several parts where memory runs out: the number of parts is doubled until
 * they fit. The result of a step is the same up to the order of its sums: a random draw depends only on its
 * prompt, generation and position, a log-prob only on its token path, and the loss gets the log-probs of the
 * whole batch however they were computed.
 */
import { GrpoError } from '../common/errors.js';
import { joinedScores, sliceBatch, tokensIn } from '../model/batch.js';
import type { Samples, SampleOptions } from '../model/language-model.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Batch, TokenScores } from '../engine/types.js';
import type { LossResult } from './losses/types.js';

export type Phase = 'sample' | 'score' | 'learn';
/** Number of parts that each phase is done in. */
export type SplitMemory = Record<Phase, number>;

const NAMES: Record<Phase, string> = { sample: 'sampling', score: 'scoring', learn: 'learning' };

/** Keeps the number of parts of each phase, and raises it when memory runs out. */
export class Split {
  readonly #parts: SplitMemory;
  readonly #onNotice: ((text: string) => void) | undefined;

  /** @param remembered numbers of parts from a checkpoint */
  constructor(remembered?: SplitMemory, onNotice?: (text: string) => void) {
    this.#parts = { sample: 1, score: 1, learn: 1, ...remembered };
    this.#onNotice = onNotice;
  }

  get parts(): Readonly<SplitMemory> {
    return this.#parts;
  }

  /**
   * Does the work of a phase.
   * @param most the highest number of parts that is possible
   * @param work is called again, with more parts, when it fails with OUT_OF_MEMORY
   */
  async run<T>(phase: Phase, most: number, work: (parts: number) => Promise<T>): Promise<T> {
    for (;;) {
      const parts = Math.min(this.#parts[phase], most);
      try {
        return await work(parts);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'OUT_OF_MEMORY') throw error;
        if (parts >= most)
          throw new GrpoError(
            'OUT_OF_MEMORY',
            `${NAMES[phase]} does not fit into memory, not even in ${parts} parts: ${(error as Error).message}`,
            {
              fix: 'use a smaller model, a shorter max_completion_length, or beta 0 (then no reference model is held); the command plan shows what takes how much',
              cause: error,
              exitCode: 1,
            },
          );
        this.#parts[phase] = Math.min(2 * parts, most);
        this.#onNotice?.(
          `memory ran out in ${NAMES[phase]}: from now on it is done in ${this.#parts[phase]} parts, with the same results`,
        );
      }
    }
  }
}

/** Divides `total` items into `parts` ranges of nearly equal size, of which none is empty. */
export function ranges(total: number, parts: number): { from: number; to: number }[] {
  const count = Math.min(parts, total);
  return Array.from({ length: count }, (_, i) => ({
    from: Math.floor((i * total) / count),
    to: Math.floor(((i + 1) * total) / count),
  }));
}

/**
 * Divides a batch; `first` to before `last` are the positions of a part's tokens among those of the whole
 * batch.
 */
function* partsOfBatch(batch: Batch, parts: number) {
  let first = 0;
  for (const { from, to } of ranges(batch.completions.length, parts)) {
    const part = sliceBatch(batch, from, to);
    const last = first + tokensIn(part.completions);
    yield { batch: part, first, last };
    first = last;
  }
}

/**
 * Parts that sampling can be done in: a completion each, where they are drawn independently; else the completions of
 * a prompt depend on each other.
 */
export const mostSamplingParts = ({ prompts, numGenerations, samplingMethod }: SampleOptions): number =>
  prompts.length * (isIndependent(samplingMethod) ? numGenerations : 1);

const isIndependent = (method: SampleOptions['samplingMethod']) =>
  (method ?? 'independent') === 'independent';

/**
 * `model.sample` for one part of the prompts after another; with more parts than prompts, generations are
 * divided too.
 *
 * @param parts at most `mostSamplingParts(options)`
 */
export async function sampleInParts(
  model: Pick<TrainableModel, 'sample'>,
  options: SampleOptions,
  parts: number,
): Promise<Samples> {
  if (parts === 1) return model.sample(options);
  const { prompts, promptIndices, numGenerations, stop } = options;
  const slices = ranges(numGenerations, Math.ceil(parts / prompts.length));
  const completions: Samples['completions'] = [];
  let computed = 0;
  for (const { from, to } of ranges(prompts.length, parts)) {
    const ofPrompt = Array.from({ length: to - from }, (): Samples['completions'] => []);
    for (const slice of slices) {
      const samples = await model.sample({
        ...options,
        prompts: prompts.slice(from, to),
        promptIndices: promptIndices.slice(from, to),
        numGenerations: slice.to - slice.from,
        firstGeneration: slice.from,
        // The activations of a part would be lost when the next one is sampled.
        keepActivations: false,
        ...(stop && { stop: (text, prompt, drawn) => stop(text, from + prompt, drawn) }),
      });
      computed += samples.computed;
      for (const one of samples.completions)
        ofPrompt[one.prompt]!.push({ ...one, prompt: from + one.prompt });
    }
    completions.push(...ofPrompt.flat());
  }
  return { completions, computed };
}

/** `model.score` for one part of the completions after another. */
export async function scoreInParts(
  model: Pick<TrainableModel, 'score'>,
  batch: Batch,
  options: Parameters<TrainableModel['score']>[1],
  parts: number,
): Promise<TokenScores> {
  if (parts === 1) return model.score(batch, options);
  const scores: TokenScores[] = [];
  for (const part of partsOfBatch(batch, parts)) scores.push(await model.score(part.batch, options));
  return joinedScores(scores);
}

/**
 * Forward and backward for one part of the completions after another, given the derivatives of the whole
 * batch's loss.
 * @returns distinct tokens that were forwarded
 */
export async function backwardInParts(
  model: Pick<TrainableModel, 'forward' | 'backward'>,
  batch: Batch,
  temperature: number,
  { dLogps, dEntropies, dKls }: Pick<LossResult, 'dLogps' | 'dEntropies' | 'dKls'>,
  parts: number,
): Promise<number> {
  let computed = 0;
  for (const { batch: part, first, last } of partsOfBatch(batch, parts)) {
    const ofPart = dLogps.slice(first, last);
    if (!dEntropies && !dKls && ofPart.every((derivative) => derivative === 0)) continue;
    computed += (await model.forward(part, temperature, { kl: dKls !== null })).computed;
    await model.backward(ofPart, dEntropies?.slice(first, last) ?? null, dKls?.slice(first, last) ?? null);
  }
  return computed;
}
