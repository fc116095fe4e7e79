// The device's one stream: what was asked of it happens in order, and copies that the host doesn't wait for
// happen late.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace test_device {

// A copy to the host: `from`, a CPU view of device memory, as it is now; `to` has it once it was waited for.
void copy_later_to_host(const at::Tensor& from, const at::Tensor& to);
// A copy to the device: `to` is a CPU view of device memory. `from` must stay as it is until it was waited
// for.
void copy_later_to_device(const at::Tensor& from, const at::Tensor& to);

// Before an operation of the device: what was copied to it is there.
void bring_up_to_date();

// The number of copies asked for so far.
uint64_t copies_asked();
bool copies_done(uint64_t asked);
// Waits for the first `asked` copies, or for all. Throws where the source of one changed before that.
void wait_for_copies(uint64_t asked = UINT64_MAX);

}  // namespace test_device
