#include "train/log_probs.h"

#include <algorithm>

namespace grpo {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr int64_t kChunkBytes = 256 << 20;

// Targets [begin, end) are those of rows [first, first + count).
struct Chunk {
  int64_t first, count, begin, end;
};

std::vector<Chunk> chunks_of(const int64_t* rows, int64_t targets, int64_t count, int64_t vocab) {
  const int64_t size = std::max<int64_t>(1, kChunkBytes / (vocab * static_cast<int64_t>(sizeof(float))));
  std::vector<Chunk> chunks;
  int64_t begin = 0;
  for (int64_t first = 0; first < count; first += size) {
    const int64_t rows_here = std::min(size, count - first);
    const int64_t end = std::lower_bound(rows + begin, rows + targets, first + rows_here) - rows;
    chunks.push_back({first, rows_here, begin, end});
    begin = end;
  }
  return chunks;
}

// z: [count, vocab] float32, the logits over the temperature
at::Tensor scaled_logits(const at::Tensor& hidden, const Parameter* weight, const Chunk& chunk,
                         double temperature) {
  return at::linear(hidden.narrow(0, chunk.first, chunk.count), weight->value)
      .to(at::kFloat)
      .div_(temperature);
}

struct LogProbsFunction : torch::autograd::Function<LogProbsFunction> {
  static variable_list forward(AutogradContext* context, const Variable& hidden, const Variable& rows,
                               const Variable& tokens, Parameter* weight, double temperature) {
    const at::Tensor host_rows = rows.cpu();
    const auto chunks =
        chunks_of(host_rows.const_data_ptr<int64_t>(), rows.numel(), hidden.size(0), weight->shape[0]);
    const auto options = hidden.options().dtype(at::kFloat);
    at::Tensor logps = at::empty({rows.numel()}, options);          // [targets]
    at::Tensor entropies = at::empty({hidden.size(0)}, options);    // [rows]
    at::Tensor normalisers = at::empty({hidden.size(0)}, options);  // [rows] log-sum-exp
    at::Tensor kept;
    for (const Chunk& chunk : chunks) {
      const at::Tensor z = scaled_logits(hidden, weight, chunk, temperature);  // [count, vocab]
      const at::Tensor lse = z.logsumexp(1);                                   // [count]
      const at::Tensor mean = (z - lse.unsqueeze(1)).exp_().mul_(z).sum(1);    // [count] E[z]
      entropies.narrow(0, chunk.first, chunk.count).copy_(lse - mean);
      normalisers.narrow(0, chunk.first, chunk.count).copy_(lse);
      const int64_t targets = chunk.end - chunk.begin;
      const at::Tensor row = rows.narrow(0, chunk.begin, targets) - chunk.first;
      logps.narrow(0, chunk.begin, targets)
          .copy_(z.index({row, tokens.narrow(0, chunk.begin, targets)}) - lse.index_select(0, row));
      if (chunks.size() == 1) kept = z;
    }
    context->save_for_backward({hidden, rows, tokens, normalisers, entropies, kept});
    context->saved_data["weight"] = reinterpret_cast<int64_t>(weight);
    context->saved_data["temperature"] = temperature;
    return {logps, entropies};
  }

  // With p = softmax(z): d logp(a) / dz = 1[a] - p, and d entropy / dz = -p (log p + entropy).
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &hidden = saved[0], &rows = saved[1], &tokens = saved[2], &normalisers = saved[3],
                     &entropies = saved[4], &kept = saved[5];
    auto* weight = reinterpret_cast<Parameter*>(context->saved_data["weight"].toInt());
    const double temperature = context->saved_data["temperature"].toDouble();
    const at::Tensor host_rows = rows.cpu();
    at::Tensor d_hidden = at::empty_like(hidden);
    for (const Chunk& chunk :
         chunks_of(host_rows.const_data_ptr<int64_t>(), rows.numel(), hidden.size(0), weight->shape[0])) {
      at::Tensor logp = kept.defined() ? kept : scaled_logits(hidden, weight, chunk, temperature);
      logp.sub_(normalisers.narrow(0, chunk.first, chunk.count).unsqueeze(1));  // [count, vocab]
      const int64_t targets = chunk.end - chunk.begin;
      const at::Tensor row = rows.narrow(0, chunk.begin, targets) - chunk.first;
      at::Tensor dz = logp.exp();  // [count, vocab], p until it is weighted below
      at::Tensor factor = at::zeros({chunk.count}, dz.options());
      if (grad[0].defined()) factor.index_add_(0, row, grad[0].narrow(0, chunk.begin, targets));
      factor = factor.unsqueeze(1);  // [count, 1]
      if (grad[1].defined()) {
        const at::Tensor d_entropy = grad[1].narrow(0, chunk.first, chunk.count).unsqueeze(1);
        const at::Tensor entropy = entropies.narrow(0, chunk.first, chunk.count).unsqueeze(1);
        dz.mul_(logp.add_(entropy).mul_(d_entropy).add_(factor)).neg_();
      } else {
        dz.mul_(-factor);
      }
      if (grad[0].defined()) {
        dz.index_put_({row, tokens.narrow(0, chunk.begin, targets)}, grad[0].narrow(0, chunk.begin, targets),
                      true);
      }
      dz = dz.div_(temperature).to(hidden.scalar_type());
      d_hidden.narrow(0, chunk.first, chunk.count).copy_(dz.mm(weight->value));
      weight->add_product_grad(dz, hidden.narrow(0, chunk.first, chunk.count));
    }
    return {d_hidden, Variable(), Variable(), Variable(), Variable()};
  }
};

}  // namespace

LogProbs log_probs(const at::Tensor& hidden, Parameter* weight, const std::vector<int64_t>& rows,
                   const std::vector<int64_t>& tokens, double temperature) {
  const auto result =
      LogProbsFunction::apply(hidden, at::tensor(rows, at::kLong).to(hidden.device()),
                              at::tensor(tokens, at::kLong).to(hidden.device()), weight, temperature);
  return {result[0], result[1]};
}

}  // namespace grpo
