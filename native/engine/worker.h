// One thread that runs tasks in the order they came.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace grpo {

class Worker {
 public:
  using Task = std::function<void()>;

  Worker() : thread_([this] { run(); }) {}
  ~Worker() { stop(); }
  Worker(const Worker&) = delete;

  // Tasks must not throw. Ignored once the worker is stopping.
  void post(Task task);
  // From now on `aborted()` is true for the tasks posted so far, the running one included.
  void abort();
  // For the running task: whether it should stop.
  bool aborted() const { return running_ < abort_before_.load(std::memory_order_relaxed); }
  // Aborts, runs the tasks still queued (`aborted()` is true for each), and joins. Idempotent.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  uint64_t posted_ = 0;
  uint64_t running_ = 0;  // number of the running task; read and written by the thread alone
  std::atomic<uint64_t> abort_before_{0};
  std::thread thread_;  // last member: it starts when the others are initialised
};

}  // namespace grpo
