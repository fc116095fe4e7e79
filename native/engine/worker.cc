#include "engine/worker.h"

#include <c10/core/InferenceMode.h>

namespace grpo {

void Worker::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    ++posted_;
  }
  ready_.notify_one();
}

void Worker::abort() {
  const std::lock_guard lock(mutex_);
  abort_before_.store(posted_ + 1, std::memory_order_relaxed);
}

void Worker::stop() {
  abort();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  const c10::InferenceMode inference;  // the backward is written by hand: autograd would only cost time
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    ++running_;
    task();
  }
}

}  // namespace grpo
