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

std::vector<NamedShape> Engine::parameter_shapes() {
  std::vector<NamedShape> shapes;
  for (const auto& parameter : policy().parameters()) shapes.push_back({parameter.name, parameter.shape});
  return shapes;
}

at::Tensor Engine::tensor(const NamedTensor& named) {
  const size_t i = policy().index_of(named.name);
  const Parameter& parameter = policy().parameters()[i];
  switch (named.kind) {
    case TensorKind::kWeight:
      return parameter.master;
    case TensorKind::kGrad:
      return parameter.has_grad ? parameter.grad : at::zeros_like(parameter.master);
    case TensorKind::kExpAvg:
      return optimizer_->exp_avg(i);
    case TensorKind::kExpAvgSq:
      return optimizer_->exp_avg_sq(i);
    case TensorKind::kReference:
      return reference().parameters()[i].value.to(at::kFloat);
  }
  throw Error("TENSOR_UNKNOWN", "unknown kind of tensor",
              "Use weight, grad, exp_avg, exp_avg_sq or reference.");
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
    if (kind == TensorKind::kReference) {
      reference().parameter(location.name).freeze(source.to(policy().options()));
    } else {
      target.copy_(source);
    }
  }
  policy().refresh_values();
}

MemoryReport Engine::memory() {
  return {policy_ ? weight_bytes(*policy_) : 0, reference_ ? weight_bytes(*reference_) : 0,
          policy_ ? gradient_bytes(*policy_) : 0, optimizer_ ? optimizer_->bytes() : 0};
}

}  // namespace grpo
