// The architecture in plain numbers, which TypeScript reads from config.json.
#pragma once
#include <cstdint>
#include <vector>

namespace grpo {

struct ModelConfig {
  int64_t vocab_size, hidden_size, intermediate_size;
  int64_t num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim;
  double rms_norm_eps;
  bool qkv_bias, o_bias, mlp_bias, qk_norm, tie_word_embeddings;
  std::vector<double> rope_inv_freq;  // [head_dim / 2]

  int64_t heads_per_kv_head() const { return num_attention_heads / num_key_value_heads; }
};

}  // namespace grpo
