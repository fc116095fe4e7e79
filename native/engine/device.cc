#include "engine/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "engine/cuda_settings.h"
#include "error.h"

namespace grpo {
namespace {

constexpr const char* kUseCpu = "Use --device cpu";

at::Device parse(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu() || device.is_cuda() || device.is_privateuseone()) return device;
  } catch (const c10::Error&) {
  }
  throw Error("DEVICE_UNKNOWN", "unknown device " + name, "Use cpu, cuda or cuda:N.");
}

Error missing(const std::string& message, const std::string& fix) {
  return {"DEVICE_MISSING", message, std::string(kUseCpu) + fix};
}

// libtorch resolves its hooks into CUDA once a process, at the first question about CUDA: nothing may ask
// before the library is loaded.
void load_cuda() {
#ifdef __APPLE__
  throw missing("this system has no CUDA", ".");
#else
  // Growing tensors leave holes of every size; segments that grow in place don't. Read when it is loaded.
  ::setenv("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", /*overwrite=*/0);
  if (!::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) {
    throw missing(std::string("libtorch cannot use a GPU here: ") + ::dlerror(),
                  ", or run `npx grpo-native setup` with a CUDA build of PyTorch.");
  }
  configure_cuda();
#endif
}

// What CUDA itself says of the machine's GPUs: a driver that is too old, for example. By name, since CUDA's
// headers may not be there.
std::string reason_of_no_gpu() {
  const auto count_devices = reinterpret_cast<int (*)(int*)>(::dlsym(RTLD_DEFAULT, "cudaGetDeviceCount"));
  const auto text_of = reinterpret_cast<const char* (*)(int)>(::dlsym(RTLD_DEFAULT, "cudaGetErrorString"));
  int count = 0;
  const int error = count_devices && text_of ? count_devices(&count) : 0;
  return error == 0 ? "" : std::string(": ") + text_of(error);
}

// One small operation: a GPU that libtorch has no code for, or that is lost, fails here and not in the middle
// of a run.
void try_out(at::Device device) {
  try {
    const at::Tensor two = at::ones({2}, at::TensorOptions(device).dtype(at::kFloat));
    if (two.sum().item<float>() == 2) return;
  } catch (const c10::OutOfMemoryError& error) {
    throw missing(device.str() + " has no memory left: " + error.what_without_backtrace(),
                  ", or end what else computes there.");
  } catch (const c10::Error& error) {
    throw missing(device.str() + " does not work: " + error.what_without_backtrace(),
                  ", or run `npx grpo-native setup` with a PyTorch that is built for this GPU.");
  }
  throw missing(device.str() + " computes wrongly", ", and have the GPU checked.");
}

}  // namespace

at::Device open_device(const std::string& name) {
  const at::Device device = parse(name);
  if (device.is_cpu()) return device;
  if (device.is_cuda()) load_cuda();
  if (!c10::impl::hasDeviceGuardImpl(device.type()))
    throw missing("nothing has registered " + name + " with libtorch", ".");
  const c10::impl::VirtualGuardImpl guard(device.type());
  const int count = guard.deviceCount();
  if (count == 0) {
    throw missing("libtorch found no CUDA GPU" + reason_of_no_gpu(),
                  ", or check that nvidia-smi lists a GPU and that its driver is as new as libtorch's CUDA.");
  }
  if (device.index() >= count) {
    const std::string type = c10::DeviceTypeName(device.type(), /*lower_case=*/true);
    throw missing("there is no " + name, count == 1 ? " or " + type + ":0, the only one."
                                                    : " or one of " + type + ":0 to " + type + ":" +
                                                          std::to_string(count - 1) + ".");
  }
  const at::Device opened(device.type(), device.has_index() ? device.index() : c10::DeviceIndex{0});
  guard.setDevice(opened);  // streams and events are those of the thread's current device
  try_out(opened);
  return opened;
}

}  // namespace grpo
