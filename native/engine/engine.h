// The engine: the policy, its frozen reference model, the optimiser, and the rollout or forward under way.
// Plain C++, called from one thread, which napi/ owns. Its public methods are those of NativeEngine in
// src/engine/types.ts.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "engine/device_memory.h"
#include "kernels/bfloat16.h"
#include "kernels/matmul_backend.h"
#include "io/tensor_file.h"
#include "model/model.h"
#include "sample/sampling.h"
#include "train/adamw.h"
#include "train/log_probs.h"

namespace grpo {

struct EngineOptions {
  std::string device, dtype, matmul_backend;  // dtype: float32, bfloat16, or auto, the faster of both
  int threads;
  MatmulShape matmul_shape;          // what is measured: by `matmul_backend` auto, and for bfloat16
  std::optional<Bfloat16> bfloat16;  // what was measured before; otherwise it is measured where it is needed
};

struct EngineInfo {
  std::string torch_version, device, dtype, cpu_capability;
  int threads;
  MatmulBackend matmul;
  std::optional<Bfloat16> bfloat16;           // on the CPU, where dtype is bfloat16 or auto
  std::optional<DeviceMemory> device_memory;  // as it is now; nothing on the CPU
};

enum class WhichModel { kPolicy, kReference };

// Per completion token, completions one after another.
struct TokenScores {
  std::vector<float> logps, entropies;
  std::vector<float> kls;  // to the reference model, over the vocabulary; empty where they weren't asked for
  int64_t nodes;           // nodes of the batch's token tree
  // Of these, the ones forwarded for these scores (the rest were cached by sampling), and for KLs those that
  // the reference model forwarded.
  int64_t computed;
  int64_t predicted;  // distinct prefixes whose logits were computed for these scores
};

// The tensors that belong to a parameter.
enum class TensorKind { kWeight, kGrad, kExpAvg, kExpAvgSq, kReference, kMerged };

struct NamedTensor {
  std::string name;  // the parameter's, in the checkpoint
  TensorKind kind;
};

struct StoredTensor {
  TensorLocation location;
  TensorKind kind;
};

struct ParameterInfo {
  std::string name;
  std::vector<int64_t> shape;
  bool trainable;
};

// Copies of tensors as they were, on the CPU and in float32.
struct Snapshot {
  std::vector<at::Tensor> tensors;
};

struct MemoryReport {
  int64_t policy, reference, gradients, optimizer;  // bytes
};

class Engine {
 public:
  // `check` is called between layers and between tokens, and throws to abort.
  Engine(const EngineOptions& options, std::function<void()> check);
  ~Engine();
  EngineInfo info() const;
  const std::string& matmul_backend() const { return info_.matmul.name; }

  // weights.cc: the policy's weights, read from files or drawn at random
  void load(const ModelConfig& config, const std::vector<TensorLocation>& tensors,
            const std::optional<LoraConfig>& lora);
  void initialize(const ModelConfig& config, uint64_t seed, const std::optional<LoraConfig>& lora);

  void freeze_reference();
  // reference = alpha policy + (1 - alpha) reference (Gorbatovski et al. 2024, arXiv:2404.09656)
  void mix_reference(double alpha);

  void sample_start(SampleRequest request);
  SampledPosition sample_next(const std::vector<int64_t>& stopped);
  void sample_end();

  // scoring.cc: log-probs, entropies and KLs of completions, and their gradients
  TokenScores score(const Batch& batch, WhichModel which, double temperature, bool with_kls);
  TokenScores forward(const Batch& batch, double temperature, bool with_kls);
  void backward(const std::vector<float>& d_logps, const std::vector<float>& d_entropies,
                const std::vector<float>& d_kls);

  // Adds up the gradients of all ranks, in all of them; `seconds`: how long to wait for the others.
  void sum_gradients(double seconds);
  double optimizer_step(const AdamWOptions& options);
  void zero_grad();
  void set_optimizer_steps(int64_t steps);
  void reset_optimizer();

  std::vector<float> logits(const Tokens& ids);  // [ids, vocab]

  // tensors.cc: what checkpoints hold, in and out
  std::vector<ParameterInfo> parameters();
  std::vector<float> tensor_values(const std::string& name, TensorKind kind);
  void write_tensors(const std::string& file, const std::string& header,
                     const std::vector<NamedTensor>& tensors);
  Snapshot snapshot(const std::vector<NamedTensor>& tensors);
  void read_tensors(const std::vector<StoredTensor>& tensors);
  MemoryReport memory();

  // See device_memory.h.
  void limit_memory(int64_t more);

 private:
  // A batch that was scored, and what its backward needs.
  struct ScoredBatch {
    Batch batch;
    double temperature;
    std::shared_ptr<ComputedForest> computed;  // holds the batch's nodes, and maybe more
    Forest part;                               // the batch's nodes alone
    std::vector<int64_t> rows;                 // [nodes of part] the same node's number in `computed`
    Targets targets;
    LogProbs scores;
    int64_t fresh;  // nodes that were forwarded for it
  };

  Model& policy();
  Model& reference();
  // The reference where it has weights of its own: not that of a model with adapters.
  Model& own_reference();
  // Makes the policy; `weight` gives the model's own weights, one after another.
  void make_policy(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                   const std::function<at::Tensor(const Parameter&)>& weight);
  at::Tensor tensor(const NamedTensor& named);

  // Throws where a sequence is empty, or holds a token that is not in the vocabulary.
  void check_tokens(const std::vector<Tokens>& sequences);
  void check_tokens(const Batch& batch);
  // Scores the batch; forwards those of its nodes that `computed` doesn't hold yet.
  ScoredBatch score_batch(const Model& model, const Batch& batch, double temperature, bool with_kls,
                          const std::shared_ptr<ComputedForest>& computed);
  // For when the weights change: nothing computed with the old ones may be used.
  void forget_activations();

  const at::Device device_;
  const std::function<void()> check_;
  EngineInfo info_;
  std::unique_ptr<Model> policy_, reference_;
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<Sampling> sampling_;       // the rollout under way
  std::shared_ptr<ComputedForest> sampled_;  // the last rollout's activations, where they were asked for
  std::optional<ScoredBatch> pending_;       // the last forward, until its backward
};

}  // namespace grpo
