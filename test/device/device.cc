// The device as libtorch knows it: one of its kind, with one stream, events, and pinned memory of the host.
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "counters.h"
#include "memory.h"
#include "stream.h"

namespace test_device {
namespace {

const c10::Device kDevice(kType, 0);
const c10::Stream kStream(c10::Stream::DEFAULT, kDevice);

void synchronize(uint64_t asked = UINT64_MAX) {
  count_synchronization();
  wait_for_copies(asked);
}

// An event is the number of copies that were asked for when it was recorded.
uint64_t& copies_before(void* event) { return *static_cast<uint64_t*>(event); }

class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device device) const override {
    setDevice(device);
    return kDevice;
  }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device device) const override {
    TORCH_CHECK(device.index() <= 0, "the test device has no number ", static_cast<int>(device.index()));
  }
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const noexcept override { return kStream; }
  c10::Stream getDefaultStream(c10::Device) const override { return kStream; }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return kStream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }

  void record(void** event, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {
    if (!*event) *event = new uint64_t;
    copies_before(*event) = copies_asked();
  }
  void block(void*, const c10::Stream&) const override {}  // the only stream is in order anyway
  bool queryEvent(void* event) const override { return !event || copies_done(copies_before(event)); }
  void synchronizeEvent(void* event) const override {
    if (event) synchronize(copies_before(event));
  }
  void destroyEvent(void* event, const c10::DeviceIndex) const noexcept override {
    delete static_cast<uint64_t*>(event);
  }
  bool queryStream(const c10::Stream&) const override { return copies_done(UINT64_MAX); }
  void synchronizeStream(const c10::Stream&) const override { synchronize(); }
  void synchronizeDevice(const c10::DeviceIndex) const override { synchronize(); }
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  at::Device getDeviceFromPtr(void*) const override { return kDevice; }
  // (Copies that nobody waits for are late whether or not the host's memory is pinned: any will do.)
  c10::Allocator* getPinnedMemoryAllocator() const override { return c10::GetAllocator(c10::kCPU); }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

const bool registered = [] {
  static Hooks hooks;
  at::RegisterPrivateUse1HooksInterface(&hooks);
  c10::register_privateuse1_backend("privateuseone");
  return true;
}();

}  // namespace
}  // namespace test_device
