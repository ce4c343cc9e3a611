#include "actors/runtime/scheduler.hpp"

#include <pthread.h>
#include <utility>

#include <caf/execution_unit.hpp>

namespace social::runtime {

/// One thread. CAF hands it to the actors that it runs.
class scheduler::worker final : public caf::execution_unit {
 public:
  worker(scheduler& owner, run_queue& queue)
      : caf::execution_unit(&owner.system()), queue_(queue), messages_max_(owner.max_throughput()) {}

  void begin() {
    thread_ = std::thread([this] { run(); });
  }
  void join() { thread_.join(); }

  void exec_later(caf::resumable* job) override {
    if (auto* before = std::exchange(next_, job)) queue_.push(before);
  }

  /// The one whose thread this is; null when it is none's.
  static worker* of_this_thread() noexcept { return of_thread; }
  [[nodiscard]] bool takes_from(const run_queue& queue) const noexcept { return &queue == &queue_; }

 private:
  void run() {
    of_thread = this;
    ::pthread_setname_np(::pthread_self(), "caf.multiplexer");
    system().thread_started();
    while (auto* job = next_job()) {
      switch (job->resume(this, messages_max_)) {
        case caf::resumable::resume_later:
          queue_.push(job);
          break;
        case caf::resumable::done:
        case caf::resumable::awaiting_message:
        case caf::resumable::shutdown_execution_unit:
          caf::intrusive_ptr_release(job);
          break;
      }
    }
    system().thread_terminates();
  }

  caf::resumable* next_job() {
    auto* job = std::exchange(next_, nullptr);
    if (job != nullptr && ++in_a_row_ <= local_turns_max) return job;
    in_a_row_ = 0;
    return queue_.pop(job);
  }

  static inline thread_local worker* of_thread = nullptr;

  run_queue& queue_;
  const std::size_t messages_max_;
  std::thread thread_;
  caf::resumable* next_ = nullptr;
  int in_a_row_ = 0;
};

scheduler::scheduler(caf::actor_system& system) : abstract_coordinator(system) {}
scheduler::~scheduler() = default;

void scheduler::init(caf::actor_system_config& config) {
  abstract_coordinator::init(config);
  queue_ = std::make_shared<run_queue>(run_queue::options{.threads = num_workers()});
}

void scheduler::start() {
  workers_.reserve(num_workers());
  for (std::size_t i = 0; i < num_workers(); ++i) workers_.push_back(std::make_unique<worker>(*this, *queue_));
  for (auto& each : workers_) each->begin();
  timer_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "caf.clock");
    system().thread_started();
    clock_.run_dispatch_loop();
    system().thread_terminates();
  });
  abstract_coordinator::start();
}

void scheduler::stop() {
  stop_actors();
  queue_->close();
  for (auto& each : workers_) each->join();
  // Whoever is ended here may make others runnable.
  while (auto* left = queue_->try_pop()) cleanup_and_release(left);
  clock_.cancel_dispatch_loop();
  timer_.join();
}

void scheduler::enqueue(caf::resumable* job) {
  auto* const here = worker::of_this_thread();
  if (here != nullptr && here->takes_from(*queue_))
    here->exec_later(job);
  else
    queue_->push(job);
}

}  // namespace social::runtime
