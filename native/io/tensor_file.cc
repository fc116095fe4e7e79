#include "io/tensor_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"

namespace grpo {
namespace {

[[noreturn]] void fail_write(const std::string& path, int error) {
  if (error == ENOSPC || error == EDQUOT) {
    throw Error("DISK_FULL", "no space left to write " + path,
                "Free some disk space, or choose another --output-dir; what was saved before is untouched.");
  }
  throw Error("FILE_WRITE", "cannot write " + path + ": " + std::strerror(error),
              "Check that the folder exists and that you may write to it.");
}

class Writer {
 public:
  explicit Writer(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (file_ < 0) fail_write(path, errno);
  }
  ~Writer() {
    if (file_ >= 0) abandon();
  }
  void write(const void* data, size_t size) {
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(file_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_write(path_, errno);
      bytes += written;
      size -= static_cast<size_t>(written);
    }
  }
  void finish() {
    if (::fsync(file_) != 0 && errno != EINVAL) fail_write(path_, errno);
    if (::close(std::exchange(file_, -1)) != 0) fail_write(path_, errno);
  }

 private:
  void abandon() {
    struct stat status{};
    // Only a file of ours: never a device, or a link, that the path happens to name.
    const bool ours = ::lstat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    ::close(file_);
    if (ours) ::unlink(path_.c_str());
  }
  const std::string path_;
  int file_;
};

// Bytes that the shape takes; UINT64_MAX, which no file has, where that can't be counted.
uint64_t bytes_of(const TensorLocation& location) {
  const auto width = static_cast<int64_t>(at::elementSize(location.dtype));
  int64_t bytes = width, strides = width;
  for (const int64_t extent : location.shape) {
    // libtorch multiplies all sides, as if none of them were 0, when it lays a tensor out.
    if (extent < 0 || __builtin_mul_overflow(strides, std::max<int64_t>(extent, 1), &strides))
      return UINT64_MAX;
    bytes *= extent;
  }
  return static_cast<uint64_t>(bytes);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  // Without waiting: a pipe that nobody writes to would keep the engine forever.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status{};
  if (file < 0 || ::fstat(file, &status) != 0) {
    const std::string reason = std::strerror(errno);
    if (file >= 0) ::close(file);
    throw Error("FILE_READ", "cannot read " + path + ": " + reason,
                "Check that the file exists and is readable.");
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error("FILE_READ", "cannot read " + path + ": it is not a file", "Give a file of tensors.");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  const int error = data_ == MAP_FAILED ? errno : 0;
  ::close(file);
  if (error != 0) {
    data_ = nullptr;
    throw Error("FILE_READ", "cannot map " + path + " into memory: " + std::strerror(error),
                error == ENOMEM ? "Free memory, or allow the process more of it (ulimit -v)."
                                : "Copy the file to a local disk: its file system may not allow mapping.");
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

at::Tensor MappedFile::tensor(const TensorLocation& location) const {
  const uint64_t bytes = bytes_of(location);
  if (location.begin > location.end || location.end > size_ || location.end - location.begin != bytes) {
    throw Error("TENSOR_BYTES", "tensor " + location.name + " does not lie whole in " + path_,
                "The file is damaged or was cut short: fetch it again.");
  }
  char* data = static_cast<char*>(data_) + location.begin;
  // A header may leave data at an odd address, which a typed pointer must not have.
  at::Tensor raw = at::from_blob(data, {static_cast<int64_t>(bytes)}, at::kByte);
  if (reinterpret_cast<uintptr_t>(data) % at::elementSize(location.dtype) != 0) raw = raw.clone();
  return raw.view(location.dtype).view(location.shape);
}

void write_tensors(const std::string& path, const std::string& header,
                   const std::vector<at::Tensor>& tensors) {
  Writer writer(path);
  writer.write(header.data(), header.size());
  for (const auto& tensor : tensors) {
    const at::Tensor plain = tensor.to(at::kCPU, at::kFloat).contiguous();
    writer.write(plain.const_data_ptr(), plain.nbytes());
  }
  writer.finish();
}

}  // namespace grpo
