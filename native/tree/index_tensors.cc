#include "tree/index_tensors.h"

#include <algorithm>

namespace grpo {

std::vector<at::Tensor> index_tensors(const std::vector<std::vector<int64_t>>& lists, at::Device device) {
  int64_t count = 0;
  for (const auto& list : lists) count += static_cast<int64_t>(list.size());
  const at::Tensor on_host = at::empty({count}, at::kLong);
  int64_t* next = on_host.data_ptr<int64_t>();
  for (const auto& list : lists) next = std::copy(list.begin(), list.end(), next);

  const at::Tensor all = on_host.to(device);
  std::vector<at::Tensor> tensors;
  int64_t first = 0;
  for (const auto& list : lists) {
    const auto size = static_cast<int64_t>(list.size());
    tensors.push_back(all.narrow(0, first, size));
    first += size;
  }
  return tensors;
}

}  // namespace grpo
