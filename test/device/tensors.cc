// What launches nothing on a GPU: new tensors, views; and what goes between the device and the host.
#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <torch/library.h>

#include <cstring>

#include "aliases.h"
#include "counters.h"
#include "memory.h"
#include "stream.h"

namespace test_device {
namespace {

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, allocator(), kKeys, c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, allocator(), kKeys, c10::dtype_or_default(type));
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const c10::Storage& storage = self.storage();
  const size_t bytes = (c10::multiply_integers(size) + self.storage_offset()) * self.element_size();
  if (bytes > storage.nbytes()) {
    const c10::Storage larger(c10::Storage::use_byte_size_t(), bytes, allocator(), /*resizable=*/true);
    if (storage.nbytes() > 0) std::memcpy(numbers_of(larger), numbers_of(storage), storage.nbytes());
    storage.unsafeGetStorageImpl()->set_data_ptr_noswap(larger.unsafeGetStorageImpl()->set_data_ptr({}));
    storage.set_nbytes(bytes);
  }
  self.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return self;
}

// dst = self, where one of them or both are of the device.
at::Tensor copy_from(const at::Tensor& self, const at::Tensor& dst, bool non_blocking) {
  if (self.numel() == 0 && dst.numel() == 0) return dst;
  const bool from_device = self.device().type() == kType, to_device = dst.device().type() == kType;
  const at::Tensor from = from_device ? on_cpu(self) : self, to = to_device ? on_cpu(dst) : dst;
  const auto bytes = static_cast<int64_t>(self.numel() * self.element_size());
  if (from_device && to_device) {
    count_operation("copy_");
    bring_up_to_date();
    to.copy_(from);
    return dst;
  }
  to_device ? count_to_device(bytes) : count_to_host(bytes);
  if (non_blocking) {
    to_device ? copy_later_to_device(from, to) : copy_later_to_host(from, to);
    return dst;
  }
  if (!to_device) count_synchronization();
  wait_for_copies();
  to.copy_(from);
  return dst;
}

at::Scalar item(const at::Tensor& self) {
  count_to_host(static_cast<int64_t>(self.element_size()));
  count_synchronization();
  wait_for_copies();
  return on_cpu(self).item();
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("resize_", &resize);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("unfold", &at::native::unfold);
  library.impl("_copy_from", &copy_from);
  library.impl("_local_scalar_dense", &item);
}

}  // namespace test_device
