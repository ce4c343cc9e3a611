#include "actors/kafka/bridge.hpp"

#include <algorithm>
#include <utility>

#include "actors/kafka/bridge_runner.hpp"
#include "actors/runtime/exit_gate.hpp"

namespace social::kafka {

class bridge::parts {
 public:
  parts(runtime::node& node, bridge_options options, ports::journal& source, ports::store cursors,
        const ports::clock& clock, publish_function project, producer_factory make)
      : node_(node), source_(source), clock_(clock), board_(std::make_shared<bridging::board>()) {
    board_->status.name = options.name;
    runner_ = node.spawn_blocking<bridging::runner>(
        node.context(), bridging::plan{std::move(options), source, cursors, clock, std::move(project), std::move(make)},
        board_, ended_.ticket());
    watcher_ = source.watch([board = board_, runner = runner_] {
      if (!board->moved.exchange(true)) caf::anon_send(runner, bridging::journal_moved{});
    });
  }
  ~parts() { kill(); }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  void open() { caf::anon_send(runner_, bridging::topics_exist{}); }

  void when_published(shard_t shard, std::function<void(result<void>)> done) {
    // A bridge that has ended answers nobody.
    auto reply = std::make_shared<reply_slot<void>>([done = std::move(done)](const result<void>& outcome) {
      const bool abandoned = !outcome && outcome.error().code == error_code::outcome_unknown;
      done(abandoned ? result<void>(error_code::shutting_down) : outcome);
    });
    caf::anon_send(runner_, bridging::await_published{shard, source_.head(shard), std::move(reply)});
  }

  [[nodiscard]] bridge_status status() const {
    const auto now = clock_.now();
    const std::lock_guard lock(board_->mutex);
    auto status = board_->status;
    for (shard_t shard = 0; shard < source_.shards(); ++shard) {
      const auto head = source_.head(shard);
      const auto cursor = shard < status.cursors.size() ? status.cursors[shard] : 0;
      status.depth += head > cursor ? head - cursor : 0;
    }
    if (status.depth > 0 && board_->oldest) status.age_ms = std::max<std::int64_t>(now - *board_->oldest, 0);
    return status;
  }

  bool stop(std::chrono::milliseconds deadline) {
    unwatch();
    caf::anon_send(runner_, bridging::end_bridge{clock_.monotonic_us() + deadline.count() * 1000});
    // Where there are no threads, nobody may wait for an actor.
    const bool in_time = node_.deterministic() || ended_.wait(deadline);
    if (!in_time) kill();
    return in_time;
  }

 private:
  void unwatch() {
    if (watcher_ != 0) source_.unwatch(std::exchange(watcher_, 0));
  }
  /// When it returns, the actor touches nothing of ours any more; it ends as soon as it can.
  void kill() {
    unwatch();
    {
      const std::lock_guard lock(board_->working);
      board_->stopped = true;
    }
    caf::anon_send_exit(runner_, caf::exit_reason::user_shutdown);
  }

  runtime::node& node_;
  ports::journal& source_;
  const ports::clock& clock_;
  const std::shared_ptr<bridging::board> board_;
  runtime::exit_gate ended_;
  bridging::bridge_actor runner_;
  std::uint64_t watcher_ = 0;
};

bridge::bridge(runtime::node& node, bridge_options options, ports::journal& source, ports::store cursors,
               const ports::clock& clock, publish_function project, producer_factory make)
    : parts_(std::make_unique<parts>(node, std::move(options), source, cursors, clock, std::move(project),
                                     std::move(make))) {}
bridge::~bridge() = default;
void bridge::open() {
  parts_->open();
}
void bridge::when_published(shard_t shard, std::function<void(result<void>)> done) {
  parts_->when_published(shard, std::move(done));
}
bridge_status bridge::status() const {
  return parts_->status();
}
bool bridge::stop(std::chrono::milliseconds deadline) {
  return parts_->stop(deadline);
}

}  // namespace social::kafka
