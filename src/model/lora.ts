/** Low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685): which layers have one, and of what shape. */
import { GrpoError, shown } from '../common/errors.js';
import type { LoraConfig, ModelConfig, NamedTensor } from '../engine/types.js';
import { expectedTensors } from './tensor-names.js';

/** The linear layers of a decoder layer, by the last part of their names: PEFT's `all-linear`. */
export const LINEAR_LAYERS = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;
/** The last part of a linear layer's name. */
export type LinearLayer = (typeof LINEAR_LAYERS)[number];

/** Adapters, in PEFT's terms. */
export interface Lora {
  /** Rank: A is `[r, in]` and B `[out, r]`. */
  r: number;
  /** What B A x is multiplied by is `alpha / r`, or with `rslora` `alpha / sqrt(r)`. */
  alpha: number;
  /** The layers that have one; null: all linear ones of the decoder layers. */
  targetModules: readonly LinearLayer[] | null;
  /** Rank-stabilised scaling (Kalajdzievski 2023, arXiv:2312.03732). */
  rslora: boolean;
}

/** What `use_peft` alone gives: TRL's defaults of rank and alpha. */
export const DEFAULT_LORA: Lora = { r: 16, alpha: 32, targetModules: null, rslora: false };

/** The adapters that a run's options ask for; null: all weights learn. */
export const loraOf = (options: {
  usePeft: boolean;
  loraR: number;
  loraAlpha: number;
  loraTargetModules: 'all-linear' | LinearLayer | readonly LinearLayer[] | null;
  useRslora: boolean;
}): Lora | null =>
  options.usePeft
    ? {
        r: options.loraR,
        alpha: options.loraAlpha,
        targetModules: listOf(options.loraTargetModules),
        rslora: options.useRslora,
      }
    : null;

const listOf = (
  layers: 'all-linear' | LinearLayer | readonly LinearLayer[] | null,
): readonly LinearLayer[] | null => {
  if (layers === null || layers === 'all-linear') return null;
  return typeof layers === 'string' ? [layers] : layers;
};

/** The layers that have an adapter, in the order of `LINEAR_LAYERS`. */
export const targetsOf = ({ targetModules }: Pick<Lora, 'targetModules'>): LinearLayer[] =>
  LINEAR_LAYERS.filter((layer) => targetModules === null || targetModules.includes(layer));

/** @throws {GrpoError} BAD_OPTION where a program gives what is no adapter, such as one of a layer that there isn't */
export function checkLora(lora: Lora): void {
  const { r, alpha, targetModules } = lora;
  const layers: readonly string[] = targetModules ?? LINEAR_LAYERS;
  const known =
    layers.length > 0 && layers.every((layer) => (LINEAR_LAYERS as readonly string[]).includes(layer));
  const rules: [option: keyof Lora, fits: boolean, allowed: string][] = [
    ['r', Number.isSafeInteger(r) && r >= 1, 'a whole number of at least 1'],
    ['alpha', Number.isFinite(alpha), 'a number'],
    ['targetModules', known, `null, or some of ${LINEAR_LAYERS.join(', ')}`],
  ];
  for (const [option, fits, allowed] of rules)
    if (!fits)
      throw new GrpoError('BAD_OPTION', `lora.${option} is ${shown(lora[option])}`, {
        fix: `it must be ${allowed}`,
        value: lora[option],
      });
}

/** The adapters as the engine takes them. @param seed decides A's first values */
export const engineLora = (lora: Lora, seed: number): LoraConfig => ({
  r: lora.r,
  scale: lora.alpha / (lora.rslora ? Math.sqrt(lora.r) : lora.r),
  targetModules: targetsOf(lora),
  seed,
});

/** Names and shapes of the adapters' tensors, as PEFT has them in `adapter_model.safetensors`. */
export function adapterTensors(config: ModelConfig, lora: Pick<Lora, 'r' | 'targetModules'>): NamedTensor[] {
  const targets: readonly string[] = targetsOf(lora);
  return expectedTensors(config).flatMap(({ name, shape }) => {
    const layer = name.replace(/\.weight$/, '');
    if (layer === name || !targets.includes(layer.slice(layer.lastIndexOf('.') + 1))) return [];
    const [out, into] = shape;
    return [
      { name: `base_model.model.${layer}.lora_A.weight`, shape: [lora.r, into!] },
      { name: `base_model.model.${layer}.lora_B.weight`, shape: [out!, lora.r] },
    ];
  });
}

/** How many numbers the adapters have. */
export const adapterCount = (config: ModelConfig, lora: Pick<Lora, 'r' | 'targetModules'>): number =>
  adapterTensors(config, lora).reduce((sum, { shape: [rows, columns] }) => sum + rows! * columns!, 0);
