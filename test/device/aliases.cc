#include "aliases.h"

#include <ATen/ATen.h>

#include <cstring>

#include "memory.h"

namespace test_device {
namespace {
void release(void* storage) { delete static_cast<c10::Storage*>(storage); }
}  // namespace

at::Tensor tensor_on(const c10::Storage& storage, const at::Tensor& like) {
  const auto key = storage.device_type() == kType ? c10::DispatchKey::PrivateUse1 : c10::DispatchKey::CPU;
  at::Tensor tensor =
      at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), c10::DispatchKeySet(key), like.dtype());
  auto* const impl = tensor.unsafeGetTensorImpl();
  impl->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
  if (like.dim() == 0) impl->set_wrapped_number(like.unsafeGetTensorImpl()->is_wrapped_number());
  return tensor;
}

c10::Storage Aliases::alias_of(const c10::Storage& storage) {
  const auto found = aliases_.find(storage.unsafeGetStorageImpl());
  if (found != aliases_.end()) return found->second;
  // It keeps the device's memory for as long as it lives itself: a copy may happen late.
  c10::DataPtr numbers(numbers_of(storage), new c10::Storage(storage), &release, c10::Device(c10::kCPU));
  const c10::Storage alias(c10::Storage::use_byte_size_t(), storage.nbytes(), std::move(numbers),
                           c10::GetAllocator(c10::kCPU), /*resizable=*/true);
  aliases_.emplace(storage.unsafeGetStorageImpl(), alias);
  originals_.emplace(alias.unsafeGetStorageImpl(), storage);
  return alias;
}

at::Tensor Aliases::of(const at::Tensor& tensor) {
  const auto found = by_tensor_.find(tensor.unsafeGetTensorImpl());
  if (found != by_tensor_.end()) return found->second.alias;
  const at::Tensor alias = tensor_on(alias_of(tensor.storage()), tensor);
  by_tensor_.emplace(tensor.unsafeGetTensorImpl(), Pair{tensor, alias});
  by_alias_.emplace(alias.unsafeGetTensorImpl(), Pair{tensor, alias});
  return alias;
}

at::Tensor Aliases::original(const at::Tensor& result) {
  if (!result.defined()) return result;
  const auto pair = by_alias_.find(result.unsafeGetTensorImpl());
  if (pair != by_alias_.end()) return pair->second.tensor;
  const auto* const storage = result.storage().unsafeGetStorageImpl();
  if (originals_.count(storage) == 0) {
    const size_t bytes = result.storage().nbytes();
    const c10::Storage copy(c10::Storage::use_byte_size_t(), bytes, allocator(), /*resizable=*/true);
    if (bytes > 0) std::memcpy(numbers_of(copy), result.storage().data(), bytes);
    originals_.emplace(storage, copy);
  }
  return tensor_on(originals_.at(storage), result);
}

void Aliases::apply_resizes() {
  for (const auto& [storage, alias] : aliases_) {
    const c10::Storage& original = originals_.at(alias.unsafeGetStorageImpl());
    if (alias.data() == numbers_of(original)) continue;
    c10::DataPtr larger = allocator()->allocate(alias.nbytes());
    original.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(larger));
    original.set_nbytes(alias.nbytes());
    std::memcpy(numbers_of(original), alias.data(), alias.nbytes());
  }
  for (const auto& [impl, pair] : by_tensor_) {
    const auto& [tensor, alias] = pair;
    if (tensor.sizes() == alias.sizes() && tensor.strides() == alias.strides()) continue;
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides(alias.sizes(), alias.strides(),
                                                        alias.storage_offset());
  }
}

at::Tensor on_cpu(const at::Tensor& tensor) { return Aliases().of(tensor); }

}  // namespace test_device
