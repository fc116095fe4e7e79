/**
 * Rotary frequencies as transformers computes them, in float32.
 * Checkpoints on the hub have `rope_theta` and `rope_scaling` at the top level;
 * transformers 5 writes both into `rope_parameters`.
 */
import { z } from 'zod';
import { invalid, unsupported } from './config-errors.js';

const f32 = Math.fround;

const llama3 = z.object({
  factor: z.number().positive(),
  low_freq_factor: z.number().positive(),
  high_freq_factor: z.number().positive(),
  original_max_position_embeddings: z.number().positive(),
});
const linear = z.object({ factor: z.number().positive() });

/** `[headDim / 2]` The inverse frequencies of the rotary position embedding, with their scaling; all finite. */
export function inverseFrequencies(
  json: Record<string, unknown>,
  headDim: number,
  where: string,
): Float64Array {
  const frequencies = scaledFrequencies(json, headDim, where);
  if (frequencies.every(Number.isFinite)) return frequencies;
  throw invalid(
    where,
    'rope_scaling',
    'and rope_theta give frequencies that are no numbers',
    json.rope_scaling,
  );
}

function scaledFrequencies(json: Record<string, unknown>, headDim: number, where: string): Float64Array {
  const { type, plain, factor, scaling } = readRope(json, headDim, where);
  switch (type) {
    case 'default':
      return plain;
    case 'linear':
      return plain.map((frequency) => f32(frequency / factor));
    case 'llama3':
      return scaleLlama3(plain, read(llama3, scaling, where));
  }
}

/** Rotary positions as `config.json` describes them. */
export interface RopeSettings {
  theta: number;
  type: 'default' | 'linear' | 'llama3';
  /** `[headDim / 2]` The frequencies before they are scaled. */
  plain: Float64Array;
  /** What `linear` divides frequencies by; 1 for the others. */
  factor: number;
  /** The fields that the type is described by. */
  scaling: Record<string, unknown>;
}

/** @throws {GrpoError} MODEL_CONFIG_INVALID, MODEL_CONFIG_UNSUPPORTED */
export function readRope(json: Record<string, unknown>, headDim: number, where: string): RopeSettings {
  const parameters = objectOf(json.rope_parameters) ?? {};
  // Where a file has both, transformers lets `rope_scaling` win.
  const scaling = objectOf(json.rope_scaling) ?? parameters;
  const theta = scaling.rope_theta ?? parameters.rope_theta ?? json.rope_theta ?? 10000;
  if (typeof theta !== 'number' || !(theta > 0) || !Number.isFinite(theta))
    throw invalid(where, 'rope_theta', 'must be a positive number', theta);
  const partial = scaling.partial_rotary_factor ?? json.partial_rotary_factor ?? 1;
  if (partial !== 1) throw unsupported(where, 'partial_rotary_factor', partial, '1');
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type !== 'default' && type !== 'linear' && type !== 'llama3')
    throw unsupported(where, 'rope_type', type, 'default, linear or llama3');
  const factor = type === 'linear' ? read(linear, scaling, where).factor : 1;
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) =>
    f32(1 / f32(theta ** f32((2 * i) / headDim))),
  );
  return { theta, type, plain, factor, scaling };
}

/** Long wavelengths are stretched by `factor`, short ones kept, those between blended. */
function scaleLlama3(plain: Float64Array, options: z.infer<typeof llama3>): Float64Array {
  const {
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: old,
  } = options;
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > old / low) return f32(frequency / factor);
    if (wavelength < old / high) return frequency;
    const smooth = (old / wavelength - low) / (high - low);
    return f32(((1 - smooth) * frequency) / factor + smooth * frequency);
  });
}

function read<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw invalid(where, `rope_scaling.${issue.path.join('.')}`, issue.message, value);
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
