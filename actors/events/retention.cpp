#include "actors/events/retention.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "actors/ports/cursor.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::events {
namespace {

/// Ask the readers where they are, then go through the shards.
struct begin_round {};
/// One step of the round.
struct next_step {};

using runner_actor = caf::typed_actor<caf::reacts_to<begin_round>, caf::reacts_to<next_step>>;

}  // namespace
}  // namespace social::events

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::begin_round)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::next_step)

namespace social::events {

/// Read by the admin API while the runner works.
struct journal_keeper::board {
  std::mutex mutex;
  retention_status status;
  std::mutex working;  ///< held during a step: none begins after `stopped`
  bool stopped = false;
};

class journal_keeper::runner final : public runtime::instrumented<runner_actor::base> {
 public:
  using super = runtime::instrumented<runner_actor::base>;
  runner(caf::actor_config& cfg, runtime::node_context& node, retention_options options, ports::journal& source,
         const ports::clock& clock, std::vector<journal_holder> holders, trim_function trim,
         std::shared_ptr<board> shared)
      : super(cfg, node, {"journal-keeper", std::hash<std::string>{}(options.store) & 0xffff, 0, 0}),
        options_(std::move(options)),
        round_ms_(std::clamp(options_.keep_ms / 10, options_.round_min_ms, options_.round_max_ms)),
        source_(source),
        clock_(clock),
        holders_(std::move(holders)),
        trim_(std::move(trim)),
        board_(std::move(shared)),
        holds_(source.shards()) {}

  behavior_type make_behavior() override {
    plan_round();
    return {
        [this](begin_round) { guarded([this] { begin(); }); },
        [this](next_step) { guarded([this] { step(); }); },
    };
  }

  void on_exit() override {
    holders_.clear();
    trim_ = nullptr;
    super::on_exit();
  }

 protected:
  std::string state_json() const override {
    const std::lock_guard lock(board_->mutex);
    return R"({"store":")" + options_.store + R"(","trimmed":)" + std::to_string(board_->status.trimmed) +
           R"(,"rounds":)" + std::to_string(board_->status.rounds) + "}";
  }

 private:
  template <class Work>
  void guarded(const Work& work) {
    const std::lock_guard lock(board_->working);
    if (!board_->stopped) work();
  }

  void plan_round() { delayed_send(this, std::chrono::milliseconds(round_ms_), begin_round{}); }

  void begin() {
    now_ = clock_.now();
    for (shard_t shard = 0; shard < source_.shards(); ++shard) holds_[shard] = source_.head(shard);
    std::vector<holder_status> seen;
    seen.reserve(holders_.size());
    for (const auto& holder : holders_) seen.push_back(look_at(holder));
    tell_changes(seen);
    publish(std::move(seen));
    shard_ = 0;
    step();
  }

  /// Lowers what may go to where this reader is.
  holder_status look_at(const journal_holder& holder) {
    holder_status seen;
    seen.name = holder.name;
    const auto cursors = holder.cursors();
    if (!cursors || cursors->size() != holds_.size()) {
      seen.failure = cursors ? "the number of its cursors is not that of the shards" : cursors.error().text();
      std::ranges::fill(holds_, 0);
      return seen;
    }
    for (shard_t shard = 0; shard < source_.shards(); ++shard) {
      const auto cursor = (*cursors)[shard];
      const auto head = source_.head(shard);
      // Ahead of the journal: where it stands is not known, and somebody has to look at it.
      holds_[shard] = std::min(holds_[shard], cursor > head ? 0 : cursor);
      if (cursor >= head) continue;
      const auto unread = ports::events_between(cursor, head);
      seen.unread += unread;
      if (unread > holder.slack) seen.oldest_ms = std::max(seen.oldest_ms, age_behind(shard, cursor));
    }
    // One that has just begun to read what happened while the process was off is not late yet.
    const auto before = before_.find(holder.name);
    seen.holds_too_long = seen.oldest_ms > options_.keep_ms && before != before_.end() && before->second.was_old;
    return seen;
  }

  /// Of the first record behind that sequence; 0: there is none, or it cannot be read, which its readers complain of.
  std::int64_t age_behind(shard_t shard, std::uint64_t sequence) const {
    const auto first = source_.read(shard, sequence, 1, 1);
    if (!first || first->empty()) return 0;
    return std::max<std::int64_t>(now_ - first->front().time, 0);
  }

  /// Once when it begins and once when it is over.
  void tell_changes(const std::vector<holder_status>& seen) {
    for (const auto& holder : seen) {
      auto& before = before_[holder.name];
      before.was_old = holder.oldest_ms > options_.keep_ms;
      const bool unknown = !holder.failure.empty();
      if (unknown && !before.told_unknown)
        log::error("events", "a reader's cursors are not known; its journal is kept whole",
                   {{"store", options_.store}, {"reader", holder.name}, {"reason", holder.failure}});
      if (holder.holds_too_long && !before.told_long)
        log::error("events", "a reader holds events back for longer than journal.retention",
                   {{"store", options_.store},
                    {"reader", holder.name},
                    {"unread", holder.unread},
                    {"oldest_s", holder.oldest_ms / 1000}});
      if ((before.told_unknown && !unknown) || (before.told_long && !holder.holds_too_long && !unknown))
        log::info("events", "a reader holds nothing back any more",
                  {{"store", options_.store}, {"reader", holder.name}});
      before.told_unknown = unknown;
      before.told_long = holder.holds_too_long || (unknown && before.told_long);
    }
  }

  void publish(std::vector<holder_status> seen) {
    std::uint64_t events = 0;
    std::int64_t oldest_ms = 0;
    for (shard_t shard = 0; shard < source_.shards(); ++shard) {
      const auto oldest = source_.oldest(shard);
      if (oldest == 0) continue;
      events += ports::events_between(oldest - 1, source_.head(shard));
      const auto first = source_.read(shard, oldest - 1, 1, 1);
      const bool is_newest = first && !first->empty() &&
                             first->front().first_sequence + first->front().events.size() > source_.head(shard);
      if (first && !first->empty() && !is_newest)
        oldest_ms = std::max<std::int64_t>(oldest_ms, now_ - first->front().time);
    }
    const std::lock_guard lock(board_->mutex);
    board_->status.events = events;
    board_->status.oldest_ms = oldest_ms;
    board_->status.holders = std::move(seen);
  }

  void step() {
    while (shard_ < holds_.size() && holds_[shard_] == 0) ++shard_;
    if (shard_ == holds_.size()) return end_round();
    const auto gone = trim_(shard_, holds_[shard_], now_ - options_.keep_ms, options_.records_max);
    if (!gone) return fail_round(gone.error());
    if (*gone == 0) {
      ++shard_;
    } else {
      const std::lock_guard lock(board_->mutex);
      board_->status.trimmed += *gone;
      board_->status.events -= std::min(board_->status.events, *gone);
    }
    send(this, next_step{});
  }

  void end_round() {
    {
      const std::lock_guard lock(board_->mutex);
      ++board_->status.rounds;
      board_->status.last_failure.clear();
    }
    plan_round();
  }

  /// The next round begins where this one was.
  void fail_round(const error& why) {
    const std::string reason(why.text());
    bool is_new = false;
    {
      const std::lock_guard lock(board_->mutex);
      ++board_->status.failures;
      is_new = board_->status.last_failure != reason;
      board_->status.last_failure = reason;
    }
    if (is_new)
      log::warning("events", "the journal cannot be shortened; it is tried again",
                   {{"store", options_.store}, {"shard", shard_}, {"reason", reason}});
    plan_round();
  }

  struct told {
    bool was_old = false;  ///< a round ago its oldest unread event was beyond the retention
    bool told_long = false;
    bool told_unknown = false;
  };

  const retention_options options_;
  const std::int64_t round_ms_;
  ports::journal& source_;
  const ports::clock& clock_;
  std::vector<journal_holder> holders_;
  trim_function trim_;
  const std::shared_ptr<board> board_;
  std::map<std::string, told> before_;
  timestamp_t now_ = 0;               ///< of this round
  std::vector<std::uint64_t> holds_;  ///< the last event that may go, by shard; 0: none
  shard_t shard_ = 0;                 ///< the next to be looked at
};

class journal_keeper::impl {
 public:
  impl(runtime::node& node, retention_options options, ports::journal& source, const ports::clock& clock,
       std::vector<journal_holder> holders, trim_function trim)
      : board_(std::make_shared<board>()) {
    board_->status.store = options.store;
    board_->status.keep_ms = options.keep_ms;
    runner_ = node.spawn_blocking<runner>(node.context(), std::move(options), source, clock, std::move(holders),
                                          std::move(trim), board_);
  }
  ~impl() { stop(); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  [[nodiscard]] retention_status status() const {
    const std::lock_guard lock(board_->mutex);
    return board_->status;
  }
  void stop() {
    if (!runner_) return;
    {
      const std::lock_guard lock(board_->working);
      board_->stopped = true;
    }
    caf::anon_send_exit(runner_, caf::exit_reason::user_shutdown);
    runner_ = nullptr;
  }

 private:
  const std::shared_ptr<board> board_;
  runner_actor runner_;
};

journal_keeper::journal_keeper(runtime::node& node, retention_options options, ports::journal& source,
                               const ports::clock& clock, std::vector<journal_holder> holders, trim_function trim)
    : impl_(std::make_unique<impl>(node, std::move(options), source, clock, std::move(holders), std::move(trim))) {}
journal_keeper::~journal_keeper() = default;
retention_status journal_keeper::status() const {
  return impl_->status();
}
void journal_keeper::stop() {
  impl_->stop();
}

}  // namespace social::events
