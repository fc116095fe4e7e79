// Tensors read from several files, each mapped once.
#pragma once
#include <map>
#include <string>

#include "io/tensor_file.h"

namespace grpo {

class MappedFiles {
 public:
  // A view of the file, as MappedFile's: copy it before this goes out of scope.
  at::Tensor tensor(const TensorLocation& location) {
    return files_.try_emplace(location.file, location.file).first->second.tensor(location);
  }

 private:
  std::map<std::string, MappedFile> files_;
};

}  // namespace grpo
