#include "model/trace.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "engine/tensor_memory.h"

namespace grpo {
namespace {
constexpr int64_t kAtOnce = int64_t{2} << 30;  // bytes, where there is plenty
}

Trace::Trace(const ModelConfig& config, at::TensorOptions options, bool for_backward)
    : options_(options), for_backward_(for_backward), hidden_size_(config.hidden_size) {
  const std::vector<int64_t> hidden{config.hidden_size}, intermediate{config.intermediate_size};
  const std::vector<int64_t> queries{config.num_attention_heads, config.head_dim};
  const std::vector<int64_t> keys{config.num_key_value_heads, config.head_dim};
  slots_ = {{&Layer::keys, keys, true},
            {&Layer::values, keys, true},
            {&Layer::input, hidden, for_backward},
            {&Layer::queries, queries, for_backward},
            {&Layer::attended, {queries[0] * queries[1]}, for_backward},
            {&Layer::middle, hidden, for_backward},
            {&Layer::gate, intermediate, for_backward},
            {&Layer::up, intermediate, for_backward}};
  if (config.qk_norm) {
    slots_.push_back({&Layer::raw_queries, queries, for_backward});
    slots_.push_back({&Layer::raw_keys, keys, for_backward});
  }
  layers_.resize(config.num_hidden_layers);
}

at::Tensor Trace::empty(int64_t rows, const std::vector<int64_t>& row) const {
  std::vector<int64_t> shape{rows};
  shape.insert(shape.end(), row.begin(), row.end());
  return at::empty(shape, options_);
}

int64_t Trace::rows_at_once() const {
  int64_t numbers = hidden_size_;
  for (const Slot& slot : slots_) {
    const int64_t row = std::accumulate(slot.row.begin(), slot.row.end(), int64_t{1}, std::multiplies<>());
    if (slot.stays) numbers += row * static_cast<int64_t>(layers_.size());
  }
  return std::min(kAtOnce, tensor_memory_left() / 4) /
         (numbers * static_cast<int64_t>(options_.dtype().itemsize()));
}

void Trace::extend(int64_t count, int64_t limit) {
  if (count > passing_capacity_) {
    for (const Slot& slot : slots_) {
      if (!slot.stays) passing_.*slot.tensor = empty(count, slot.row);
    }
    passing_capacity_ = count;
  }
  if (size_ + count > capacity_) {
    // Memory that is never written costs nothing, so all of it is asked for at once where that is not
    // much; else doubling keeps the copies to a constant share of the work.
    const int64_t larger = std::max(size_ + count, std::min(std::max(2 * capacity_, rows_at_once()), limit));
    const auto grow = [&](at::Tensor& tensor, const std::vector<int64_t>& row) {
      const at::Tensor old = std::exchange(tensor, empty(larger, row));
      if (size_ > 0) tensor.narrow(0, 0, size_).copy_(old.narrow(0, 0, size_));
    };
    for (Layer& layer : layers_) {
      for (const Slot& slot : slots_) {
        if (slot.stays) grow(layer.*slot.tensor, slot.row);
      }
    }
    grow(output_, {hidden_size_});
    capacity_ = larger;
  }
  size_ += count;
  fresh_ = count;
}

Trace::Layer Trace::fresh(size_t index) const {
  Layer rows;
  for (const Slot& slot : slots_) {
    rows.*slot.tensor = slot.stays ? (layers_[index].*slot.tensor).narrow(0, size_ - fresh_, fresh_)
                                   : (passing_.*slot.tensor).narrow(0, 0, fresh_);
  }
  return rows;
}

}  // namespace grpo
