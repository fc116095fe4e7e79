/** Which tensors a GGUF file has: llama.cpp's names, and what it wants in another order or type. */
import type { ModelConfig, TensorLocation } from '../../engine/types.js';
import { BLOCK, type GgufDtype } from './numbers.js';

/** A tensor of the file, with where its numbers are. */
export interface GgufTensor {
  name: string;
  dtype: GgufDtype;
  /** Sizes, the slowest first, as in PyTorch. */
  shape: number[];
  /** In a safetensors file, or here. */
  source: TensorLocation | Float32Array;
  /** Whether the rows of a head are in llama.cpp's order of rotary pairs. */
  interleaved: boolean;
}

/** Parts of a layer by the names of Hugging Face. */
const PARTS: Record<string, string> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const WHOLE: Record<string, string> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

/**
 * The tensors of a model, in the order of its checkpoint.
 *
 * @param factors `[headDim / 2]` that llama.cpp divides rotary frequencies by, where there are some
 */
export function ggufTensors(
  config: ModelConfig,
  locations: TensorLocation[],
  dtype: GgufDtype,
  factors: Float32Array | undefined,
): GgufTensor[] {
  const tensors = locations.map((source): GgufTensor => {
    const { name, shape } = source;
    return {
      name: nameOf(name),
      dtype: dtypeOf(shape, dtype),
      shape,
      source,
      // llama.cpp turns neighbouring numbers of a head in its llama, and the two halves of a head in Qwen.
      interleaved: config.modelType === 'llama' && /\.[qk]_proj\.(weight|bias)$/.test(name),
    };
  });
  if (factors)
    tensors.push({
      name: 'rope_freqs.weight',
      dtype: 'f32',
      shape: [factors.length],
      source: factors,
      interleaved: false,
    });
  return tensors;
}

function nameOf(name: string): string {
  const [, layer, part, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  return part === undefined ? WHOLE[name]! : `blk.${layer}.${PARTS[part]}.${kind}`;
}

/** As llama.cpp's converter: norms and biases in float32, rows that are no whole blocks in float16. */
function dtypeOf(shape: number[], dtype: GgufDtype): GgufDtype {
  if (shape.length < 2) return 'f32';
  return dtype === 'q8_0' && shape.at(-1)! % BLOCK !== 0 ? 'f16' : dtype;
}

/**
 * Rows of whole heads in llama.cpp's order: Hugging Face turns the number i of a head with i + headDim / 2, llama.cpp
 * the number 2i with 2i + 1.
 *
 * @param values `[rows, columns]`
 */
export function interleave(values: Float32Array, headDim: number, columns: number): Float32Array {
  const moved = new Float32Array(values.length);
  for (let to = 0; to < values.length / columns; to++) {
    const head = to - (to % headDim);
    const from = head + Math.floor((to - head) / 2) + ((to - head) % 2) * (headDim / 2);
    moved.set(values.subarray(from * columns, (from + 1) * columns), to * columns);
  }
  return moved;
}
