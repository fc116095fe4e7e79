// Single tensors of the engine by name: read, written, copied, and counted.
#include "engine/engine.h"
#include "engine/numbers.h"
#include "error.h"
#include "io/mapped_files.h"

namespace grpo {
namespace {

int64_t bytes_of(const at::Tensor& tensor) { return static_cast<int64_t>(tensor.nbytes()); }

int64_t weight_bytes(const Model& model) {
  int64_t sum = 0;
  for (const auto& p : model.parameters_view()) {
    sum += bytes_of(p.master);
    if (!p.value.is_same(p.master)) sum += bytes_of(p.value);
  }
  return sum;
}

int64_t gradient_bytes(const Model& model) {
  int64_t sum = 0;
  for (const auto& p : model.parameters_view()) sum += p.grad.defined() ? bytes_of(p.grad) : 0;
  return sum;
}

}  // namespace

std::vector<ParameterInfo> Engine::parameters() {
  std::vector<ParameterInfo> infos;
  for (const auto& p : policy().parameters()) infos.push_back({p.name, p.shape, p.trainable});
  return infos;
}

at::Tensor Engine::tensor(const NamedTensor& named) {
  const size_t i = policy().index_of(named.name);
  const Parameter& parameter = policy().parameters()[i];
  const bool of_training = named.kind == TensorKind::kGrad || named.kind == TensorKind::kExpAvg ||
                           named.kind == TensorKind::kExpAvgSq;
  if (of_training && !parameter.trainable)
    throw Error("TENSOR_UNKNOWN", named.name + " is frozen: it has no gradient and no moments",
                "Use a parameter that is trainable.");
  switch (named.kind) {
    case TensorKind::kWeight:
      return parameter.master.to(at::kFloat);
    case TensorKind::kGrad:
      return parameter.has_grad ? parameter.grad : at::zeros_like(parameter.master);
    case TensorKind::kExpAvg:
      return optimizer_->exp_avg(i);
    case TensorKind::kExpAvgSq:
      return optimizer_->exp_avg_sq(i);
    case TensorKind::kReference:
      return own_reference().parameter(named.name).value.to(at::kFloat);
    case TensorKind::kMerged:
      return policy().merged(named.name);
  }
  throw Error("TENSOR_UNKNOWN", "unknown kind of tensor",
              "Use weight, grad, exp_avg, exp_avg_sq, reference or merged.");
}

std::vector<float> Engine::tensor_values(const std::string& name, TensorKind kind) {
  return numbers_of(tensor({name, kind}));
}

void Engine::write_tensors(const std::string& file, const std::string& header,
                           const std::vector<NamedTensor>& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& one : named) tensors.push_back(tensor(one));
  grpo::write_tensors(file, header, tensors);
}

Snapshot Engine::snapshot(const std::vector<NamedTensor>& named) {
  Snapshot snapshot;
  for (const auto& one : named) {
    const at::Tensor source = tensor(one);
    const at::Tensor copy = at::empty(source.sizes(), at::TensorOptions(at::kCPU).dtype(at::kFloat));
    snapshot.tensors.push_back(copy.copy_(source));
  }
  return snapshot;
}

void Engine::read_tensors(const std::vector<StoredTensor>& tensors) {
  forget_activations();
  MappedFiles files;
  for (const auto& [location, kind] : tensors) {
    const at::Tensor source = files.tensor(location);
    const at::Tensor target = tensor({location.name, kind});
    if (source.sizes() != target.sizes()) {
      throw Error("TENSOR_MISMATCH",
                  "tensor " + location.name + " in " + location.file + " has another shape",
                  "The checkpoint belongs to another model.");
    }
    if (kind == TensorKind::kMerged ||
        (kind == TensorKind::kWeight && !policy().parameter(location.name).trainable)) {
      throw Error("BAD_ARGUMENT", location.name + " is frozen", "Read what is trainable alone.");
    }
    if (kind == TensorKind::kReference) {
      own_reference().parameter(location.name).freeze(source.to(policy().options()));
    } else {
      target.copy_(source);
    }
  }
  policy().refresh_values();
}

MemoryReport Engine::memory() {
  const bool shares = policy_ && policy_->lora;  // then the reference has no weights of its own
  return {policy_ ? weight_bytes(*policy_) : 0, reference_ && !shares ? weight_bytes(*reference_) : 0,
          policy_ ? gradient_bytes(*policy_) : 0, optimizer_ ? optimizer_->bytes() : 0};
}

}  // namespace grpo
