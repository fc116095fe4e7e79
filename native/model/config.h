// The architecture in plain numbers, which TypeScript reads from config.json.
#pragma once
#include <cstdint>
#include <set>
#include <string>
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

// Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): a layer that has one computes W x + scale B A x.
struct LoraConfig {
  int64_t r;
  double scale;
  std::set<std::string> target_modules;  // the last part of a layer's name
  uint64_t seed;                         // of A's first values
};

}  // namespace grpo
