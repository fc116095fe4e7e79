// Tensors of the CPU over the memory of tensors of the device: what the device computes with.
#pragma once
#include <ATen/core/Tensor.h>

#include <unordered_map>

namespace test_device {

// For one operation.
class Aliases {
 public:
  // The same tensor on the CPU, with the same numbers: what is written to the one is in the other. Tensors
  // that share memory have aliases that share it.
  at::Tensor of(const at::Tensor& tensor);
  // A result of the CPU on the device: the tensor whose alias it is, a view of one, or a new tensor.
  at::Tensor original(const at::Tensor& result);
  // Where the operation gave an alias another shape or more memory, its tensor gets it too.
  void apply_resizes();

 private:
  struct Pair {
    at::Tensor tensor, alias;
  };
  c10::Storage alias_of(const c10::Storage& storage);

  std::unordered_map<const c10::TensorImpl*, Pair> by_tensor_, by_alias_;
  // Storages, by those of the aliases.
  std::unordered_map<const c10::StorageImpl*, c10::Storage> originals_;
  std::unordered_map<const c10::StorageImpl*, c10::Storage> aliases_;
};

// One tensor's alias.
at::Tensor on_cpu(const at::Tensor& tensor);

// A tensor of `like`'s type on `storage`'s device.
at::Tensor tensor_on(const c10::Storage& storage, const at::Tensor& like);

}  // namespace test_device
