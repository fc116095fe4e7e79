#include "engine/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include "error.h"

namespace grpo {
namespace {

at::Device parse(const std::string& name) {
  try {
    const at::Device device(name);
    if (device.is_cpu() || device.is_cuda()) return device;
  } catch (const c10::Error&) {
  }
  throw Error("DEVICE_UNKNOWN", "unknown device " + name, "Use cpu, cuda or cuda:N.");
}

}  // namespace

at::Device open_device(const std::string& name) {
  const at::Device device = parse(name);
  if (device.is_cpu()) return device;
#ifdef __APPLE__
  throw Error("DEVICE_MISSING", "this system has no CUDA", "Use --device cpu.");
#else
  if (!::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) {
    throw Error("DEVICE_MISSING", std::string("libtorch cannot use a GPU here: ") + ::dlerror(),
                "Use --device cpu, or run `npx grpo-native setup` with a CUDA build of PyTorch.");
  }
  if (!at::globalContext().hasCUDA()) {
    throw Error("DEVICE_MISSING", "libtorch found no CUDA GPU",
                "Use --device cpu, or check that nvidia-smi lists a GPU.");
  }
  return device;
#endif
}

}  // namespace grpo
