#include "model/trace.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "engine/device_memory.h"

namespace grpo {
namespace {
constexpr int64_t kInitialBytes = int64_t{2}
                                  << 30;  // of the first allocation on the CPU, where there is plenty
}

Trace::Trace(const ModelConfig& config, at::TensorOptions options, bool for_backward)
    : options_(options), for_backward_(for_backward), hidden_size_(config.hidden_size) {
  const std::vector<int64_t> hidden{config.hidden_size}, intermediate{config.intermediate_size};
  const std::vector<int64_t> queries{config.num_attention_heads, config.head_dim};
  const std::vector<int64_t> keys{config.num_key_value_heads, config.head_dim};
  fields_ = {{&Layer::keys, keys, true},
             {&Layer::values, keys, true},
             {&Layer::input, hidden, for_backward},
             {&Layer::queries, queries, for_backward},
             {&Layer::attended, {queries[0] * queries[1]}, for_backward},
             {&Layer::middle, hidden, for_backward},
             {&Layer::gate, intermediate, for_backward},
             {&Layer::up, intermediate, for_backward}};
  if (config.qk_norm) {
    fields_.push_back({&Layer::raw_queries, queries, for_backward});
    fields_.push_back({&Layer::raw_keys, keys, for_backward});
  }
  layers_.resize(config.num_hidden_layers);
}

at::Tensor Trace::empty(int64_t rows, const std::vector<int64_t>& row) const {
  std::vector<int64_t> shape{rows};
  shape.insert(shape.end(), row.begin(), row.end());
  return at::empty(shape, options_);
}

int64_t Trace::initial_rows() const {
  int64_t numbers = hidden_size_;
  for (const Field& field : fields_) {
    const int64_t row = std::accumulate(field.row.begin(), field.row.end(), int64_t{1}, std::multiplies<>());
    if (field.kept) numbers += row * static_cast<int64_t>(layers_.size());
  }
  const at::Device device = options_.device();
  const int64_t quarter = memory_left(device) / 4;
  return (device.is_cpu() ? std::min(kInitialBytes, quarter) : quarter) /
         (numbers * static_cast<int64_t>(options_.dtype().itemsize()));
}

void Trace::extend(int64_t count, int64_t limit) {
  if (count > scratch_capacity_) {
    for (const Field& field : fields_) {
      if (!field.kept) scratch_.*field.tensor = empty(count, field.row);
    }
    scratch_capacity_ = count;
  }
  if (size_ + count > capacity_) {
    // The first allocation is generous: on the CPU, memory that is never written costs nothing; on a GPU, all
    // rows at once leave no freed halves behind. After it, doubling keeps the copying to a constant share of
    // the work.
    const int64_t larger = std::max(size_ + count, std::min(std::max(2 * capacity_, initial_rows()), limit));
    const auto grow = [&](at::Tensor& tensor, const std::vector<int64_t>& row) {
      const at::Tensor old = std::exchange(tensor, empty(larger, row));
      if (size_ > 0) tensor.narrow(0, 0, size_).copy_(old.narrow(0, 0, size_));
    };
    for (Layer& layer : layers_) {
      for (const Field& field : fields_) {
        if (field.kept) grow(layer.*field.tensor, field.row);
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
  for (const Field& field : fields_) {
    rows.*field.tensor = field.kept ? (layers_[index].*field.tensor).narrow(0, size_ - fresh_, fresh_)
                                    : (scratch_.*field.tensor).narrow(0, 0, fresh_);
  }
  return rows;
}

}  // namespace grpo
