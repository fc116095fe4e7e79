// A coverage-guided fuzzer of the one place where native code reads a file: `npm run fuzz:native`.
// An input is a file and the locations that a header might claim for its tensors. Each is refused with the
// engine's own error, or is exactly the bytes of the file that it names.
#include "io/tensor_file.h"

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "error.h"

namespace {

// A file in memory that has a path.
class Scratch {
 public:
  Scratch() : file_(::memfd_create("tensors", 0)), path_("/proc/self/fd/" + std::to_string(file_)) {}
  void hold(const std::vector<uint8_t>& bytes) const {
    if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, bytes.data(), bytes.size(), 0) !=
                                          static_cast<ssize_t>(bytes.size()))
      std::abort();
  }
  const std::string& path() const { return path_; }

 private:
  const int file_;
  const std::string path_;
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

grpo::TensorLocation location(FuzzedDataProvider& input, uint64_t size, const std::string& path) {
  constexpr at::ScalarType kTypes[] = {at::kFloat, at::kHalf, at::kBFloat16};
  grpo::TensorLocation claimed{"t", path, input.PickValueInArray(kTypes), {}, 0, 0};
  const auto rank = input.ConsumeIntegralInRange<int>(0, 6);
  for (int i = 0; i < rank; ++i)
    claimed.shape.push_back(input.ConsumeBool() ? input.ConsumeIntegralInRange<int64_t>(0, 9)
                                                : input.ConsumeIntegral<int64_t>());
  claimed.begin =
      input.ConsumeBool() ? input.ConsumeIntegralInRange<uint64_t>(0, size) : input.ConsumeIntegral<uint64_t>();
  if (input.ConsumeBool()) {
    // As long as the shape says, so that not all that follows is refused for its length.
    uint64_t bytes = at::elementSize(claimed.dtype);
    for (const int64_t extent : claimed.shape) bytes *= static_cast<uint64_t>(extent);
    claimed.end = claimed.begin + bytes;
  } else {
    claimed.end = input.ConsumeIntegral<uint64_t>();
  }
  return claimed;
}

void check(const grpo::MappedFile& file, const grpo::TensorLocation& claimed,
           const std::vector<uint8_t>& bytes) {
  at::Tensor tensor;
  try {
    tensor = file.tensor(claimed);
  } catch (const grpo::Error& error) {
    require(error.code == "TENSOR_BYTES" && !error.fix.empty(), "refused without its code");
    return;
  }
  require(claimed.begin <= claimed.end && claimed.end <= bytes.size(), "a tensor outside of its file");
  require(tensor.sizes() == at::IntArrayRef(claimed.shape), "a tensor of another shape");
  require(tensor.nbytes() == claimed.end - claimed.begin, "a tensor of another size");
  require(tensor.nbytes() == 0 ||
              std::memcmp(tensor.const_data_ptr(), bytes.data() + claimed.begin, tensor.nbytes()) == 0,
          "a tensor of other bytes");
  // What the engine does with it.
  const at::Tensor read = at::empty(tensor.sizes(), at::kFloat).copy_(tensor);
  require(read.numel() == tensor.numel(), "a tensor that can't be copied");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Scratch scratch;
  FuzzedDataProvider input(data, size);
  const auto bytes = input.ConsumeBytes<uint8_t>(input.ConsumeIntegralInRange<size_t>(0, 512));
  scratch.hold(bytes);
  const grpo::MappedFile file(scratch.path());
  for (int i = 0; i < 4 && input.remaining_bytes() > 0; ++i)
    check(file, location(input, bytes.size(), scratch.path()), bytes);
  return 0;
}
