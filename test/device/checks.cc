#include "checks.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "memory.h"

namespace test_device {
namespace {
const at::TensorOptions kOnDevice = at::TensorOptions(at::Device(kType)).dtype(at::kFloat);
}

float dereference() {
  const volatile float* const numbers = at::ones({4}, kOnDevice).const_data_ptr<float>();
  return numbers[1];
}

void mix_devices() { at::ones({4}, kOnDevice).index_select(0, at::zeros({2}, at::kLong)); }

EarlyRead read_early() {
  at::Tensor source = at::full({1}, 7, kOnDevice);
  const at::Tensor target = at::zeros({1}, at::TensorOptions().pinned_memory(true));
  target.copy_(source, /*non_blocking=*/true);
  c10::Event event(kType);
  event.record(c10::impl::VirtualGuardImpl(kType).getStream(source.device()));
  source.fill_(8);  // after the copy in the stream
  const float at_once = target.const_data_ptr<float>()[0];
  event.synchronize();
  return {at_once, target.const_data_ptr<float>()[0]};
}

void write_early() {
  const at::Tensor source = at::full({1}, 7), target = at::zeros({1}, kOnDevice);
  at::Tensor(target).copy_(source, /*non_blocking=*/true);
  target.add(1);
  at::Tensor(source).fill_(8);
  target.item();
}

}  // namespace test_device
