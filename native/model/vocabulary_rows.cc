#include "model/vocabulary_rows.h"

#include "engine/device_memory.h"

namespace grpo {

namespace {
// Allocated at once: memory that is never written costs nothing.
constexpr int64_t kBytes = int64_t{512} << 20;
}  // namespace

void VocabularyRows::keep(const std::vector<int64_t>& nodes, const at::Tensor& logps, double temperature) {
  if (dropped_) return;
  const int64_t vocab = logps.size(1), room = kBytes / (vocab * static_cast<int64_t>(sizeof(float)));
  const int64_t first = static_cast<int64_t>(row_of_.size()), count = static_cast<int64_t>(nodes.size());
  if (first + count > room || (!table_.defined() && kBytes > memory_left(logps.device()) / 2)) {
    *this = {};
    dropped_ = true;
    return;
  }
  if (!table_.defined()) table_ = at::empty({room, vocab}, logps.options());
  table_.narrow(0, first, count).copy_(logps);
  for (int64_t i = 0; i < count; ++i) row_of_[nodes[i]] = first + i;
  temperature_ = temperature;
}

VocabularyRows::Known VocabularyRows::find(const std::vector<int64_t>& nodes, double temperature) const {
  if (!table_.defined() || temperature != temperature_) return {};
  std::vector<int64_t> rows;
  rows.reserve(nodes.size());
  for (const int64_t node : nodes) {
    const auto row = row_of_.find(node);
    if (row == row_of_.end()) return {};
    rows.push_back(row->second);
  }
  return {table_, at::tensor(rows, at::kLong).to(table_.device())};
}

}  // namespace grpo
