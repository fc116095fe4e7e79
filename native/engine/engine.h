// The engine: a policy, its frozen reference, its optimiser, and what is under way with them.
// Plain C++, called from one thread; napi/ owns that thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "engine/matmul_backend.h"
#include "io/tensor_file.h"
#include "model/model.h"
#include "sample/sampling.h"
#include "train/adamw.h"
#include "train/log_probs.h"

namespace grpo {

struct EngineOptions {
  std::string device, dtype, matmul_backend;
  int threads;
};

struct EngineInfo {
  std::string torch_version, device, dtype, cpu_capability;
  int threads;
  MatmulBackend matmul;
  std::optional<double> bfloat16_speed;  // see matmul_backend.h; where it's computed with
};

// Completion tokens, completions one after another.
struct TokenScores {
  std::vector<float> logps, entropies;
  int64_t nodes;      // distinct tokens that predict, or lead to, a completion token
  int64_t computed;   // of these, forwarded for these scores
  int64_t predicted;  // distinct beginnings that were multiplied with the vocabulary for these scores
};

struct MemoryReport {
  int64_t policy, reference, gradients, optimizer;
};

enum class TensorKind { kWeight, kGrad, kExpAvg, kExpAvgSq, kReference };

class Engine {
 public:
  // `check` is called between layers and tokens, and throws to abort.
  Engine(const EngineOptions& options, std::function<void()> check);

  ~Engine();

  const EngineInfo& info() const { return info_; }
  void load(const ModelConfig& config, const std::vector<TensorLocation>& tensors);
  // Draws the weights instead of reading them (see initialize.cc).
  void initialize(const ModelConfig& config, uint64_t seed);
  void freeze_reference();
  // reference = alpha policy + (1 - alpha) reference (Gorbatovski et al. 2024, arXiv:2404.09656)
  void mix_reference(double alpha);

  void sample_start(SampleRequest request);
  SampledPosition sample_next(const std::vector<int64_t>& stopped);
  void sample_end();

  TokenScores score(const Batch& batch, bool reference, double temperature);
  TokenScores forward(const Batch& batch, double temperature);
  void backward(const std::vector<float>& d_logps, const std::vector<float>& d_entropies);
  double optimizer_step(const AdamWOptions& options);
  void zero_grad();

  std::vector<float> logits(const Tokens& ids);  // [ids, vocab]
  std::deque<Parameter>& parameters() { return policy().parameters(); }
  at::Tensor tensor(const std::string& name, TensorKind kind);
  // The same in memory of its own, on the CPU and in float32.
  at::Tensor copy(const std::string& name, TensorKind kind);
  void read_tensors(const std::vector<std::pair<TensorLocation, TensorKind>>& tensors);
  void set_optimizer_steps(int64_t steps);
  void reset_optimizer();
  MemoryReport memory();
  // See tensor_memory.h; on the CPU.
  void limit_memory(int64_t more);

 private:
  // What the last forward left for its backward.
  struct Pending {
    Batch batch;
    double temperature;
    std::shared_ptr<ComputedForest> computed;
    Forest part;                // the batch's nodes
    std::vector<int64_t> rows;  // [nodes of part] the same in `computed`
    Targets targets;
    LogProbs scores;
    int64_t fresh;  // nodes computed for it
  };

  Model& policy();
  Model& reference();
  // A policy whose masters `fill` writes, one after another.
  void make_policy(const ModelConfig& config, const std::function<void(Parameter&)>& fill);
  // Throws where a sequence is empty or holds what is no token of the model.
  void check_tokens(const std::vector<Tokens>& sequences);
  // Scores the batch; of its nodes, those are computed that `computed` doesn't hold yet.
  Pending run(const Model& model, const Batch& batch, double temperature,
              const std::shared_ptr<ComputedForest>& computed);
  static TokenScores gather(const Pending& pending);
  // The weights are others now: nothing computed with the old ones may be used.
  void forget_activations();

  const std::function<void()> check_;
  EngineInfo info_;
  at::Device device_ = at::kCPU;
  std::unique_ptr<Model> policy_, reference_;
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<Sampling> sampling_;
  std::shared_ptr<ComputedForest> sampled_;  // what the last sampling computed, where it was asked to stay
  std::optional<Pending> pending_;
};

}  // namespace grpo
