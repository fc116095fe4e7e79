/**
 * Architectures, by their `config.json`, that are benchmarked with random weights: a step's cost depends only on
 * the shapes of the weights, and no download is needed.
 */
export interface Shape {
  /** The content of `config.json`. */
  config: Record<string, unknown>;
  /**
   * A model with random weights never gives an answer. In a case with `stop: answer` each completion ends after
   * this many tokens, and is sampled at a temperature at which completions of a prompt share about as many
   * tokens as those of the trained model (16 of Qwen2.5-0.5B at 0.7: 43 tokens, 11 of them distinct).
   */
  answer: { tokens: number; temperature: number };
}

/** What the smaller ones of Qwen2 and Qwen2.5 have in common. */
const QWEN2 = {
  model_type: 'qwen2',
  vocab_size: 151936,
  num_key_value_heads: 2,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  tie_word_embeddings: true,
};
const QWEN2_ANSWER = { tokens: 3, temperature: 0.025 };

export const SHAPES: Record<string, Shape> = {
  'qwen2-0.5b': {
    config: {
      ...QWEN2,
      hidden_size: 896,
      intermediate_size: 4864,
      num_hidden_layers: 24,
      num_attention_heads: 14,
    },
    answer: QWEN2_ANSWER,
  },
  'qwen2.5-1.5b': {
    config: {
      ...QWEN2,
      hidden_size: 1536,
      intermediate_size: 8960,
      num_hidden_layers: 28,
      num_attention_heads: 12,
    },
    answer: QWEN2_ANSWER,
  },
  'qwen2.5-3b': {
    config: {
      ...QWEN2,
      hidden_size: 2048,
      intermediate_size: 11008,
      num_hidden_layers: 36,
      num_attention_heads: 16,
    },
    answer: QWEN2_ANSWER,
  },
  'smollm2-135m': {
    config: {
      model_type: 'llama',
      vocab_size: 49152,
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      head_dim: 64,
      max_position_embeddings: 8192,
      rms_norm_eps: 1e-5,
      rope_theta: 1e5,
      tie_word_embeddings: true,
    },
    answer: { tokens: 3, temperature: 0.055 },
  },
};
