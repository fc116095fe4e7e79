/** How far the policy has left the one that sampled, by TRL's names: which there are, the loss type decides. */
import { vespoPhi, type Completion } from './surrogates.js';
import type { LossMetrics, LossOptions } from './types.js';

/** Tokens of a completion that are clipped below and above, or by cispo's bound; those of all that count. */
interface Counts {
  low: number;
  high: number;
  cispo: number;
  tokens: number;
}

export class RatioMetrics {
  readonly #options: LossOptions;
  readonly #completions: Counts[] = [];
  #own: Counts = { low: 0, high: 0, cispo: 0, tokens: 0 };
  #advantage = 0;
  #phi = 0;

  constructor(options: LossOptions) {
    this.#options = options;
  }

  /** The tokens to come are this completion's. */
  begin(completion: Completion): void {
    this.#own = { low: 0, high: 0, cispo: 0, tokens: 0 };
    this.#completions.push(this.#own);
    this.#advantage = completion.advantage;
    if (this.#options.lossType === 'vespo') this.#phi += vespoPhi(completion, this.#options);
  }

  token(ratio: number): void {
    const { epsilon, epsilonHigh, delta } = this.#options;
    const held = delta === null ? ratio : Math.min(ratio, delta);
    this.#own.tokens++;
    if (held < 1 - epsilon && this.#advantage < 0) this.#own.low++;
    if (held > 1 + epsilonHigh && this.#advantage > 0) this.#own.high++;
    if (ratio > epsilonHigh && this.#advantage > 0) this.#own.cispo++;
  }

  values(): Partial<LossMetrics> {
    const { lossType } = this.#options;
    if (lossType === 'sapo') return {};
    if (lossType === 'vespo')
      return { 'vespo/phi_seq_mean': this.#phi / Math.max(1, this.#completions.length) };
    if (lossType === 'cispo') return { cispo_clip_ratio: this.#mean('cispo') };
    return {
      'clip_ratio/low_mean': this.#mean('low'),
      'clip_ratio/high_mean': this.#mean('high'),
      'clip_ratio/region_mean': this.#mean('low') + this.#mean('high'),
      ...extremes(this.#shares('low'), this.#shares('high')),
    };
  }

  /** Of all tokens; at the level of sequences, where a completion has one ratio, of all completions. */
  #mean(of: 'low' | 'high' | 'cispo'): number {
    const sequence = this.#options.importanceSamplingLevel === 'sequence';
    const [counts, total] = sequence
      ? [this.#shares(of), this.#completions.length]
      : [
          this.#completions.map((own) => own[of]),
          this.#completions.reduce((sum, { tokens }) => sum + tokens, 0),
        ];
    return counts.reduce((sum, count) => sum + count, 0) / Math.max(1, total);
  }

  /** Of each completion that has tokens that count. */
  #shares(of: 'low' | 'high' | 'cispo'): number[] {
    return this.#completions.filter(({ tokens }) => tokens > 0).map((own) => own[of] / own.tokens);
  }
}

/** Absent where no completion counts. */
const extremes = (low: number[], high: number[]): Partial<LossMetrics> =>
  low.length === 0
    ? {}
    : { 'clip_ratio/low_min': Math.min(...low), 'clip_ratio/high_max': Math.max(...high) };
