/**
 * A language model of a few hundred numbers: the next token depends on the one before it.
 * It samples, scores and learns exactly and repeatably, so that the trainer can be tested without the addon.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GrpoError } from '../../src/common/errors.js';
import { parseModelConfig } from '../../src/model/config.js';
import type { Samples, SampleOptions } from '../../src/model/language-model.js';
import { Tokenizer } from '../../src/model/tokenizer.js';
import type { TrainableModel } from '../../src/model/trainable.js';
import type { Batch, EngineInfo, OptimizerOptions, TokenScores } from '../../src/engine/types.js';
import { fixtureModel } from './fixtures.js';

export async function fakeModel(): Promise<FakeModel> {
  const folder = fixtureModel('qwen2-tied');
  return new FakeModel(folder, await Tokenizer.load(folder));
}

export class FakeModel implements TrainableModel {
  readonly config;
  readonly eosTokenIds = [0];
  readonly size: number;
  /** Logits `[size, size]`: row, the token before. */
  weights: Float64Array;
  reference: Float64Array | undefined;
  moments: [Float64Array, Float64Array];
  gradients: Float64Array;
  steps = 0;
  disposed = false;
  /** Calls made, for tests that count them. */
  calls = { sample: 0, score: 0, forward: 0, backward: 0, optimizer: 0 };
  #kept: { contexts: Int32Array; tokens: Int32Array; temperature: number } | undefined;

  constructor(
    readonly folder: string,
    readonly tokenizer: Tokenizer,
  ) {
    this.size = tokenizer.size;
    const n = this.size * this.size;
    this.config = parseModelConfig({
      model_type: 'qwen2',
      vocab_size: this.size,
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
    });
    this.weights = Float64Array.from({ length: n }, (_, i) => uniform(1, i, 0, 0, 0) * 2);
    this.moments = [new Float64Array(n), new Float64Array(n)];
    this.gradients = new Float64Array(n);
  }

  info(): Promise<EngineInfo> {
    return Promise.resolve({
      torchVersion: '0.0.0',
      device: 'cpu',
      dtype: 'float32',
      threads: 1,
      matrixBackend: 'mkl',
      matrixGflops: {},
      cpuCapability: 'NONE',
    });
  }

  checkSaveable(): void {
    // Its folder is not a part of what it saves.
  }

  freezeReference(): Promise<void> {
    this.reference = this.weights.slice();
    return Promise.resolve();
  }

  async sample(options: SampleOptions): Promise<Samples> {
    this.calls.sample++;
    const completions: Samples['completions'] = [];
    for (const [prompt, ids] of options.prompts.entries()) {
      for (let i = 0; i < options.numGenerations; i++) {
        await new Promise((done) => setImmediate(done));
        if (options.signal?.aborted)
          throw new GrpoError('ABORTED', 'sampling was aborted', { fix: 'start again' });
        let before = ids.at(-1)!;
        const drawn: number[] = [];
        let ended: 'eos' | 'stop' | 'length' = 'length';
        while (drawn.length < options.maxCompletionLength && ended === 'length') {
          const row = this.#distribution(this.weights, before, options.temperature || 1);
          const generation = (options.firstGeneration ?? 0) + i;
          const u = uniform(
            options.seed,
            options.step,
            options.promptIndices[prompt]!,
            generation,
            drawn.length,
          );
          let token = options.temperature === 0 ? row.indexOf(Math.max(...row)) : 0;
          if (options.temperature > 0)
            for (let sum = row[0]!; sum < u && token < this.size - 1;) sum += row[++token]!;
          drawn.push(token);
          before = token;
          if (token === 0) ended = 'eos';
          else {
            const whole = this.tokenizer.decode(drawn, { skipSpecialTokens: false });
            if (options.stop?.(this.tokenizer.decode(drawn), prompt, whole)) ended = 'stop';
          }
        }
        completions.push({
          prompt,
          ids: Int32Array.from(drawn),
          text: this.tokenizer.decode(drawn),
          logps: new Float32Array(drawn.length),
          ended,
        });
      }
    }
    return { completions, computed: completions.reduce((sum, { ids }) => sum + ids.length, 0) };
  }

  score(
    batch: Batch,
    options: { which?: 'policy' | 'reference'; temperature?: number; kl?: boolean } = {},
  ): Promise<TokenScores> {
    this.calls.score++;
    const weights = options.which === 'reference' ? this.reference! : this.weights;
    return Promise.resolve(this.#scores(batch, weights, options.temperature ?? 1, options.kl));
  }

  forward(batch: Batch, temperature: number, { kl }: { kl?: boolean } = {}): Promise<TokenScores> {
    this.calls.forward++;
    const { contexts, tokens } = positions(batch);
    this.#kept = { contexts, tokens, temperature };
    return Promise.resolve(this.#scores(batch, this.weights, temperature, kl));
  }

  backward(...[dLogps, , dKls]: Parameters<TrainableModel['backward']>): Promise<void> {
    this.calls.backward++;
    const { contexts, tokens, temperature } = this.#kept!;
    this.#kept = undefined;
    if (dLogps.length !== tokens.length || (dKls && dKls.length !== tokens.length))
      throw new Error('a derivative for each token');
    tokens.forEach((token, t) => {
      const row = this.#distribution(this.weights, contexts[t]!, temperature);
      const gaps = dKls && this.#logRatios(row, contexts[t]!, temperature);
      const kl = gaps ? klOf(row, gaps) : 0;
      for (let j = 0; j < this.size; j++)
        this.gradients[contexts[t]! * this.size + j]! +=
          (dLogps[t]! * ((j === token ? 1 : 0) - row[j]!) +
            (gaps ? dKls[t]! * row[j]! * (gaps[j]! - kl) : 0)) /
          temperature;
    });
    return Promise.resolve();
  }

  optimizerStep(o: OptimizerOptions): Promise<number> {
    this.calls.optimizer++;
    this.steps++;
    const norm = Math.hypot(...this.gradients);
    if (!Number.isFinite(norm)) {
      this.gradients.fill(0);
      this.steps--;
      return Promise.resolve(norm);
    }
    const scale = o.maxGradNorm > 0 ? Math.min(1, o.maxGradNorm / (norm + 1e-6)) : 1;
    const [first, second] = this.moments;
    this.gradients.forEach((raw, i) => {
      const g = raw * scale;
      first[i] = o.beta1 * first[i]! + (1 - o.beta1) * g;
      second[i] = o.beta2 * second[i]! + (1 - o.beta2) * g * g;
      const step = first[i] / (1 - o.beta1 ** this.steps);
      const size = Math.sqrt(second[i] / (1 - o.beta2 ** this.steps)) + o.eps;
      this.weights[i]! -= o.learningRate * (step / size);
    });
    this.gradients.fill(0);
    return Promise.resolve(norm);
  }

  zeroGrad(): Promise<void> {
    this.gradients.fill(0);
    return Promise.resolve();
  }

  resetOptimizer(): Promise<void> {
    for (const moment of this.moments) moment.fill(0);
    this.steps = 0;
    return Promise.resolve();
  }

  async save(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'weights.json'), JSON.stringify([...this.weights]));
  }

  snapshotBytes(): number {
    return 0;
  }

  /** What it is now, whatever becomes of it. */
  snapshot() {
    const { weights, moments, reference } = structuredClone({
      weights: this.weights,
      moments: this.moments,
      reference: this.reference,
    });
    const then = Object.assign(Object.create(this) as FakeModel, { weights, moments, reference });
    return Promise.resolve({
      save: (folder: string) => this.save.call(then, folder),
      saveOptimizer: (file: string) => this.saveOptimizer.call(then, file),
      saveReference: (file: string) => this.saveReference.call(then, file),
      release: () => undefined,
    });
  }

  async loadWeights(folder: string): Promise<void> {
    this.weights = Float64Array.from(
      JSON.parse(await readFile(join(folder, 'weights.json'), 'utf8')) as number[],
    );
  }

  saveOptimizer(file: string): Promise<void> {
    return writeFile(file, JSON.stringify(this.moments.map((moment) => [...moment])));
  }

  async loadOptimizer(file: string, steps: number): Promise<void> {
    const [first, second] = JSON.parse(await readFile(file, 'utf8')) as [number[], number[]];
    this.moments = [Float64Array.from(first), Float64Array.from(second)];
    this.steps = steps;
  }

  mixReference(alpha: number): Promise<void> {
    this.reference = this.reference!.map((value, i) => alpha * this.weights[i]! + (1 - alpha) * value);
    return Promise.resolve();
  }

  saveReference(file: string): Promise<void> {
    return writeFile(file, JSON.stringify([...this.reference!]));
  }

  async loadReference(file: string): Promise<void> {
    this.reference = Float64Array.from(JSON.parse(await readFile(file, 'utf8')) as number[]);
  }

  dispose(): Promise<void> {
    this.disposed = true;
    return Promise.resolve();
  }

  #scores(batch: Batch, weights: Float64Array, temperature: number, kl = false): TokenScores {
    const { contexts, tokens } = positions(batch);
    const rows = Array.from(contexts, (context) => this.#distribution(weights, context, temperature));
    return {
      logps: Float32Array.from(tokens, (token, t) => Math.log(rows[t]![token]!)),
      entropies: Float32Array.from(rows, (row) => -row.reduce((sum, p) => sum + p * Math.log(p), 0)),
      ...(kl && {
        kls: Float32Array.from(rows, (row, t) => klOf(row, this.#logRatios(row, contexts[t]!, temperature))),
      }),
      nodes: tokens.length,
      computed: tokens.length,
      predicted: tokens.length,
    };
  }

  /** log p - log q of each token, q being the reference's. */
  #logRatios(row: Float64Array, context: number, temperature: number): Float64Array {
    const reference = this.#distribution(this.reference!, context, temperature);
    return row.map((p, j) => Math.log(p / reference[j]!));
  }

  #distribution(weights: Float64Array, context: number, temperature: number): Float64Array {
    const row = weights.subarray(context * this.size, (context + 1) * this.size);
    const top = Math.max(...row);
    const powers = row.map((logit) => Math.exp((logit - top) / temperature));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  }
}

const klOf = (row: Float64Array, logRatios: Float64Array): number =>
  row.reduce((sum, p, j) => sum + p * logRatios[j]!, 0);

function positions({ prompts, completions, promptOf }: Batch): { contexts: Int32Array; tokens: Int32Array } {
  const contexts = completions.flatMap((ids, i) => [prompts[promptOf[i]!]!.at(-1)!, ...ids.slice(0, -1)]);
  return {
    contexts: Int32Array.from(contexts),
    tokens: Int32Array.from(completions.flatMap((ids) => [...ids])),
  };
}

/** In [0, 1), by the five numbers alone. */
function uniform(...keys: number[]): number {
  let hash = 0x9e3779b9;
  for (const key of keys) {
    hash = Math.imul(hash ^ (key + 0x7f4a7c15), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}
