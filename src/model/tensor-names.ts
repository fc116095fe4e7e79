/** Names and shapes of the weights that a configuration requires, as in checkpoints. */
import type { ModelConfig, NamedTensor } from '../engine/types.js';

/** The weights in the checkpoint's order. With tied embeddings there is no `lm_head.weight`. */
export function expectedTensors(config: ModelConfig): NamedTensor[] {
  const { vocabSize, hiddenSize: hidden, intermediateSize: inner, headDim } = config;
  const q = config.numAttentionHeads * headDim;
  const kv = config.numKeyValueHeads * headDim;
  const tensors: NamedTensor[] = [];
  const linear = (name: string, out: number, into: number, bias: boolean) => {
    tensors.push({ name: `${name}.weight`, shape: [out, into] });
    if (bias) tensors.push({ name: `${name}.bias`, shape: [out] });
  };
  const norm = (name: string, width: number) => tensors.push({ name: `${name}.weight`, shape: [width] });

  tensors.push({ name: 'model.embed_tokens.weight', shape: [vocabSize, hidden] });
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const at = `model.layers.${layer}`;
    norm(`${at}.input_layernorm`, hidden);
    linear(`${at}.self_attn.q_proj`, q, hidden, config.qkvBias);
    linear(`${at}.self_attn.k_proj`, kv, hidden, config.qkvBias);
    linear(`${at}.self_attn.v_proj`, kv, hidden, config.qkvBias);
    linear(`${at}.self_attn.o_proj`, hidden, q, config.oBias);
    if (config.qkNorm) {
      norm(`${at}.self_attn.q_norm`, headDim);
      norm(`${at}.self_attn.k_norm`, headDim);
    }
    norm(`${at}.post_attention_layernorm`, hidden);
    linear(`${at}.mlp.gate_proj`, inner, hidden, config.mlpBias);
    linear(`${at}.mlp.up_proj`, inner, hidden, config.mlpBias);
    linear(`${at}.mlp.down_proj`, hidden, inner, config.mlpBias);
  }
  norm('model.norm', hidden);
  if (!config.tieWordEmbeddings) tensors.push({ name: 'lm_head.weight', shape: [vocabSize, hidden] });
  return tensors;
}

/** Names of the weights without weight decay: biases and norms, as in the Hugging Face trainer. */
export function withoutWeightDecay(tensors: NamedTensor[]): string[] {
  return tensors
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.bias') || /norm\.weight$/.test(name));
}
