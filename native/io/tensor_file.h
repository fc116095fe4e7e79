// Bytes of tensors in and out of files. TypeScript reads and writes the safetensors header.
#pragma once
#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

namespace grpo {

struct TensorLocation {
  std::string name, file;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin, end;  // bytes in the file
};

// A file mapped for reading. Tensors are views of it: copy them before it is destroyed.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  // Throws TENSOR_BYTES where the byte range is not within the file or not of the shape's size.
  at::Tensor tensor(const TensorLocation& location) const;

 private:
  const std::string path_;
  void* data_ = nullptr;
  uint64_t size_ = 0;
};

// Writes `header`, then every tensor as float32, to `path`, and syncs it. The file is whole or
// an error is thrown (DISK_FULL, FILE_WRITE); a part-written file is removed.
void write_tensors(const std::string& path, const std::string& header,
                   const std::vector<at::Tensor>& tensors);

}  // namespace grpo
