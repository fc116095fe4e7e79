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

/** Of JSON's types, for a checkpoint. */
export interface EntropyMemory {
  coef: number;
  /** Null: no step was measured yet. */
  entropy: number | null;
}

export class EntropyBonus {
  readonly #options: AdaptiveEntropyOptions;
  #coef: number;
  /** Of the last step. */
  #entropy = Infinity;

  constructor(options: AdaptiveEntropyOptions, memory?: EntropyMemory) {
    this.#options = options;
    this.#coef = memory?.coef ?? options.entropyCoef;
    this.#entropy = memory?.entropy ?? Infinity;
  }

  /** Whether the loss has the term at all. */
  get enabled(): boolean {
    return this.#options.useAdaptiveEntropy || this.#options.entropyCoef !== 0;
  }

  /** As TRL logs it: after the step's own change. */
  get coef(): number {
    return this.#coef;
  }

  /** The weight that this step's loss has; null: no term. */
  get applied(): number | null {
    if (!this.enabled) return null;
    if (!this.#options.useAdaptiveEntropy) return this.#coef;
    return this.#entropy <= this.#options.entropyTarget ? this.#coef : 0;
  }

  /** @param acted entropies of the step's tokens that the bonus acts on */
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

  remember(): EntropyMemory {
    return { coef: this.#coef, entropy: Number.isFinite(this.#entropy) ? this.#entropy : null };
  }
}
