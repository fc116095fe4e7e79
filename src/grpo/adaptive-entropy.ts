/**
 * An entropy bonus whose weight moves so that the policy's entropy stays above a target: Skywork-OR1, He et
 * al. 2025 (arXiv:2505.22312). The weight of a step follows from the steps before it.
 */

export interface AdaptiveEntropyOptions {
  entropyCoef: number;
  useAdaptiveEntropy: boolean;
  entropyCoefMin: number;
  entropyCoefMax: number;
  entropyCoefDelta: number;
  entropyTarget: number;
}

/** State of the bonus in a checkpoint; it holds JSON types only. */
export interface EntropyMemory {
  coef: number;
  /** Mean entropy of the last step, nats; null before the first step. */
  entropy: number | null;
}

export class EntropyBonus {
  readonly #options: AdaptiveEntropyOptions;
  #coef: number;
  /** Mean entropy of the last step, nats; Infinity before the first step. */
  #entropy = Infinity;

  constructor(options: AdaptiveEntropyOptions, memory?: EntropyMemory) {
    this.#options = options;
    this.#coef = memory?.coef ?? options.entropyCoef;
    this.#entropy = memory?.entropy ?? Infinity;
  }

  /** Whether the loss has an entropy term at all. */
  get enabled(): boolean {
    return this.#options.useAdaptiveEntropy || this.#options.entropyCoef !== 0;
  }

  /** The weight as TRL logs it: after this step has adapted it. */
  get coef(): number {
    return this.#coef;
  }

  /** The weight of the entropy term in this step's loss; null: the loss has no such term. */
  get applied(): number | null {
    if (!this.enabled) return null;
    if (!this.#options.useAdaptiveEntropy) return this.#coef;
    return this.#entropy <= this.#options.entropyTarget ? this.#coef : 0;
  }

  /**
   * Adapts the weight after a step.
   * @param acted sum and number of the entropies of the tokens that the bonus acts on
   */
  update(acted: { sum: number; tokens: number }): void {
    const { useAdaptiveEntropy, entropyCoefMin, entropyCoefMax, entropyCoefDelta, entropyTarget } =
      this.#options;
    if (!useAdaptiveEntropy) return;
    this.#entropy = acted.sum / Math.max(1, acted.tokens);
    this.#coef =
      this.#entropy <= entropyTarget
        ? Math.min(this.#coef + entropyCoefDelta, entropyCoefMax)
        : Math.max(this.#coef - entropyCoefDelta, entropyCoefMin);
  }

  /** The state to be saved in a checkpoint. */
  remember(): EntropyMemory {
    return { coef: this.#coef, entropy: Number.isFinite(this.#entropy) ? this.#entropy : null };
  }
}
