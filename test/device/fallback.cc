// Operations: each is computed by the CPU's kernel, over aliases, once its arguments are such as a GPU takes.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/native/transformers/attention.h>
#include <torch/library.h>

#include <set>
#include <string>

#include "aliases.h"
#include "counters.h"
#include "memory.h"
#include "stream.h"

namespace test_device {
namespace {

std::string name_of(const c10::OperatorHandle& op) {
  const auto& [name, overload] = op.operator_name();
  const std::string plain = name.substr(name.find("::") + 2);
  return overload.empty() ? plain : plain + "." + overload;
}

// The size of the result depends on the numbers: a GPU's host waits for them.
bool size_is_computed(const std::string& name) {
  static const std::set<std::string> names{"nonzero",
                                           "masked_select",
                                           "_unique",
                                           "_unique2",
                                           "unique_dim",
                                           "unique_consecutive",
                                           "repeat_interleave.Tensor"};
  return names.count(name) > 0;
}

class Arguments {
 public:
  Arguments(Aliases& aliases, const std::string& name)
      : aliases_(aliases), name_(name), scalars_stay_(name.rfind("_fused_", 0) != 0) {}

  c10::IValue on_cpu(const c10::IValue& value) {
    if (value.isTensor()) return one(value.toTensor(), scalars_stay_);
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(one(tensor, false));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorList()) {
        list.push_back(tensor ? std::optional(one(*tensor, false)) : std::nullopt);
      }
      return list;
    }
    if (value.isDevice()) return c10::Device(c10::kCPU);
    TORCH_CHECK(!value.isGenerator() || value.toGenerator().device().type() == kType, name_,
                ": a generator of the CPU with tensors of the device");
    return value;
  }

 private:
  // As on a GPU, a number on the CPU (a tensor without dimensions) may stand beside tensors of the device.
  at::Tensor one(const at::Tensor& tensor, bool scalar_may_stay) {
    if (!tensor.defined()) return tensor;
    if (tensor.device().type() == kType) return aliases_.of(tensor);
    TORCH_CHECK(scalar_may_stay && tensor.dim() == 0, name_,
                ": expected all tensors on one device, but found ", tensor.device(), " and privateuseone:0");
    return tensor;
  }

  Aliases& aliases_;
  const std::string& name_;
  const bool scalars_stay_;  // (fused optimisers read the numbers among their arguments on the device)
};

c10::IValue on_device(Aliases& aliases, const c10::IValue& value) {
  if (value.isTensor()) return aliases.original(value.toTensor());
  if (!value.isTensorList()) return value;
  c10::List<at::Tensor> list;
  for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(aliases.original(tensor));
  return list;
}

void compute(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  const std::string name = name_of(op);
  count_operation(name);
  bring_up_to_date();

  Aliases aliases;
  Arguments arguments(aliases, name);
  for (size_t i = stack->size() - op.schema().arguments().size(); i < stack->size(); ++i) {
    (*stack)[i] = arguments.on_cpu((*stack)[i]);
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  aliases.apply_resizes();
  bool number = false;  // for the host
  for (size_t i = stack->size() - op.schema().returns().size(); i < stack->size(); ++i) {
    number = number || !((*stack)[i].isTensor() || (*stack)[i].isTensorList());
    (*stack)[i] = on_device(aliases, (*stack)[i]);
  }
  if (number || size_is_computed(name)) {
    count_synchronization();
    wait_for_copies();
  }
}

// Attention is one operation, as on a GPU; what libtorch does by itself for a device it doesn't know is a
// dozen.
int64_t choose_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                         const std::optional<at::Tensor>&, double, bool, std::optional<double>, bool) {
  return static_cast<int64_t>(at::SDPBackend::overrideable);
}

using Attention = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, c10::SymInt, c10::SymInt,
                             at::Tensor, at::Tensor, at::Tensor>;
Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    const std::optional<at::Tensor>& mask, double dropout, bool is_causal, bool,
                    std::optional<double> scale) {
  const std::string name = "scaled_dot_product_attention";
  count_operation(name);
  bring_up_to_date();
  Aliases aliases;
  Arguments arguments(aliases, name);
  const auto on_cpu = [&](const at::Tensor& tensor) { return arguments.on_cpu(tensor).toTensor(); };
  const auto bias = mask ? std::optional(on_cpu(*mask)) : std::nullopt;
  const bool groups = q.size(-3) != k.size(-3);
  const at::Tensor out = at::scaled_dot_product_attention(on_cpu(q), on_cpu(k), on_cpu(v), bias, dropout,
                                                          is_causal, scale, groups);
  return {aliases.original(out), {}, {}, {}, q.size(2), k.size(2), {}, {}, {}};
}

const bool chooses_attention = [] {
  at::native::_fused_sdp_choice_stub.set_privateuse1_dispatch_ptr(&choose_attention);
  return true;
}();

}  // namespace

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&compute>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("_scaled_dot_product_fused_attention_overrideable", &attention);
  // Over lists of tensors: a few launches on a GPU, where libtorch would take one operation a tensor here.
  for (const auto& [name, overload] : c10::Dispatcher::singleton().getAllOpNames()) {
    if (name.rfind("aten::_foreach_", 0) != 0) continue;
    const std::string full = overload.empty() ? name : name + "." + overload;
    library.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&compute>());
  }
}

}  // namespace test_device
