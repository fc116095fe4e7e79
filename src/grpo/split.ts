/**
 * Work in parts where memory runs out: twice as many until they fit. What a step gives is the same, but for
 * the order in which its sums are formed: draws depend on their place alone, log-probs on their path alone,
 * and the loss sees all of a batch's log-probs whichever way they were computed.
 */
import { GrpoError } from '../common/errors.js';
import type { Samples, SampleOptions } from '../model/language-model.js';
import type { TrainableModel } from '../model/trainable.js';
import type { Batch, TokenScores } from '../engine/types.js';

export type Phase = 'sample' | 'score' | 'learn';
/** Parts of each phase. */
export type SplitMemory = Record<Phase, number>;

const NAMES: Record<Phase, string> = { sample: 'sampling', score: 'scoring', learn: 'learning' };

export class Split {
  readonly #parts: SplitMemory;
  readonly #onNotice: ((text: string) => void) | undefined;

  /** @param remembered how it was before */
  constructor(remembered?: SplitMemory, onNotice?: (text: string) => void) {
    this.#parts = { sample: 1, score: 1, learn: 1, ...remembered };
    this.#onNotice = onNotice;
  }

  get parts(): Readonly<SplitMemory> {
    return this.#parts;
  }

  /**
   * @param most parts that there can be
   * @param work is called again, with more parts, when memory ran out
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
            `${NAMES[phase]} does not fit into memory, not even one completion at a time: ${(error as Error).message}`,
            {
              fix: 'use a smaller model, a shorter max_completion_length, or beta 0 (no reference is held); plan says what takes how much',
              cause: error,
              exitCode: 1,
            },
          );
        this.#parts[phase] = Math.min(2 * parts, most);
        this.#onNotice?.(
          `memory ran out in ${NAMES[phase]}: from now on it is done in ${this.#parts[phase]} parts, which gives the same`,
        );
      }
    }
  }
}

/** `from` and `to` of `parts` nearly equal parts of `total`; none is empty. */
export function ranges(total: number, parts: number): { from: number; to: number }[] {
  const count = Math.min(parts, total);
  return Array.from({ length: count }, (_, i) => ({
    from: Math.floor((i * total) / count),
    to: Math.floor(((i + 1) * total) / count),
  }));
}

/** Completions from `from` to before `to`, with the prompts that they have. */
export function sliceBatch({ prompts, completions, promptOf }: Batch, from: number, to: number): Batch {
  const own = promptOf.slice(from, to);
  const used = [...new Set(own)];
  return {
    prompts: used.map((prompt) => prompts[prompt]!),
    completions: completions.slice(from, to),
    promptOf: own.map((prompt) => used.indexOf(prompt)),
  };
}

/** Parts of a batch, with the tokens of each as positions among the whole batch's. */
function* partsOfBatch(batch: Batch, parts: number) {
  let first = 0;
  for (const { from, to } of ranges(batch.completions.length, parts)) {
    const part = sliceBatch(batch, from, to);
    const last = first + part.completions.reduce((sum, ids) => sum + ids.length, 0);
    yield { batch: part, first, last };
    first = last;
  }
}

/** `model.sample`, prompts one part after another, and, with more parts than prompts, generations too. */
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
        // What one part computed is forgotten at the next.
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

/** `model.score`, completions one part after another. */
export async function scoreInParts(
  model: Pick<TrainableModel, 'score'>,
  batch: Batch,
  options: Parameters<TrainableModel['score']>[1],
  parts: number,
): Promise<TokenScores> {
  if (parts === 1) return model.score(batch, options);
  const tokens = batch.completions.reduce((sum, ids) => sum + ids.length, 0);
  const whole: TokenScores = {
    logps: new Float32Array(tokens),
    entropies: new Float32Array(tokens),
    nodes: 0,
    computed: 0,
    predicted: 0,
  };
  for (const part of partsOfBatch(batch, parts)) {
    const scores = await model.score(part.batch, options);
    whole.logps.set(scores.logps, part.first);
    whole.entropies.set(scores.entropies, part.first);
    whole.nodes += scores.nodes;
    whole.computed += scores.computed;
    whole.predicted += scores.predicted;
  }
  return whole;
}

/**
 * Forwards and backwards, completions one part after another, with the derivatives of the whole batch's loss.
 * @returns tokens computed
 */
export async function backwardInParts(
  model: Pick<TrainableModel, 'forward' | 'backward'>,
  batch: Batch,
  temperature: number,
  { dLogps, dEntropies }: { dLogps: Float32Array; dEntropies: Float32Array | null },
  parts: number,
): Promise<number> {
  let computed = 0;
  for (const { batch: part, first, last } of partsOfBatch(batch, parts)) {
    const ofPart = dLogps.slice(first, last);
    if (!dEntropies && ofPart.every((derivative) => derivative === 0)) continue;
    computed += (await model.forward(part, temperature)).computed;
    await model.backward(ofPart, dEntropies?.slice(first, last) ?? null);
  }
  return computed;
}
