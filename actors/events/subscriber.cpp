#include "actors/events/subscriber.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "actors/events/resting_shards.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::events {
namespace {

using ports::cursor_key;

/// Heads moved.
struct look {};
/// The interval after a look that found something is over.
struct planned_look {};
/// The delay after a failure is over.
struct try_again {};
/// That shard has rested long enough.
struct read_again {
  shard_t shard = 0;
};
/// Time to look whether the store of the effects has failed.
struct look_at_epoch {};
/// The effect of that batch is durable, or has failed.
struct effect_done {
  std::uint64_t batch = 0;
  std::optional<error> failure;
};

using runner_actor =
    caf::typed_actor<caf::reacts_to<look>, caf::reacts_to<planned_look>, caf::reacts_to<try_again>,
                     caf::reacts_to<read_again>, caf::reacts_to<look_at_epoch>, caf::reacts_to<effect_done>>;

}  // namespace
}  // namespace social::events

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::planned_look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::try_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::read_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::look_at_epoch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::events::effect_done)

namespace social::events {

/// The cursor of one that has seen nothing of what is kept.
static std::uint64_t before_oldest(const ports::journal& source, shard_t shard) {
  return std::max<std::uint64_t>(source.oldest(shard), 1) - 1;
}

/// Read by the admin API while the runner works.
struct subscriber::shared_status {
  std::mutex mutex;
  subscriber_status status;
  std::mutex working;  ///< held while the runner reads or starts an effect: nothing of that after `stopped`
  bool stopped = false;
  std::atomic<bool> signalled{false};
};

class subscriber::runner final : public runtime::instrumented<runner_actor::base> {
 public:
  using super = runtime::instrumented<runner_actor::base>;
  runner(caf::actor_config& cfg, runtime::node_context& node, subscriber_options options, ports::journal& source,
         const ports::row_reader& effects, const ports::journal* effects_log, fenced_effect take,
         std::shared_ptr<shared_status> shared)
      : super(cfg, node, {"subscriber", std::hash<std::string>{}(options.name) & 0xffff, 0, 0}),
        options_(std::move(options)),
        source_(source),
        effects_(effects),
        effects_log_(effects_log),
        take_(std::move(take)),
        shared_(std::move(shared)),
        troubled_(options_.name, options_.retry_ms, options_.retry_max_ms),
        delay_ms_(options_.retry_ms) {}

  behavior_type make_behavior() override {
    plan_look_at_epoch();
    return {
        [this](look_at_epoch) {
          plan_look_at_epoch();
          if (store_has_failed()) pull();
        },
        [this](planned_look) {
          look_planned_ = false;
          pull();
        },
        [this](look) {
          shared_->signalled = false;
          pull();
        },
        [this](try_again) {
          resting_ = false;
          pull();
        },
        [this](const read_again& message) {
          troubled_.rest_is_over(message.shard);
          pull();
        },
        [this](const effect_done& message) { on_done(message); },
    };
  }

  void on_exit() override {
    take_ = nullptr;
    super::on_exit();
  }

 protected:
  std::string state_json() const override {
    const std::lock_guard lock(shared_->mutex);
    return R"({"lag":)" + std::to_string(shared_->status.lag) + R"(,"handled":)" +
           std::to_string(shared_->status.handled) + "}";
  }

 private:
  /// Signals do not cut a delay short: a handler that fails must not fail once per commit.
  /// Looking costs a read of every shard that moved, and taking effect costs a commit: under load both are worth more
  /// events at once. A look that comes too early is made up for at the end of the interval.
  bool too_early() {
    if (options_.pull_interval_ms == 0) return false;
    const auto left_us = last_found_us_ + options_.pull_interval_ms * 1000 - runtime::monotonic_us();
    if (left_us <= 0) return false;
    if (!std::exchange(look_planned_, true)) delayed_send(this, std::chrono::microseconds(left_us), planned_look{});
    return true;
  }

  /// 0: nothing that took effect is ever lost.
  [[nodiscard]] std::uint64_t epoch() const { return effects_log_ != nullptr ? effects_log_->epoch() : 0; }

  bool store_has_failed() {
    const std::lock_guard lock(shared_->working);
    return !shared_->stopped && epoch() != base_epoch_;
  }

  void plan_look_at_epoch() {
    if (effects_log_ != nullptr)
      delayed_send(this, std::chrono::milliseconds(options_.epoch_interval_ms), look_at_epoch{});
  }

  void pull() {
    if (busy_ || resting_ || too_early()) return;
    const std::lock_guard lock(shared_->working);
    if (shared_->stopped) return;
    // Cursors that were answered for may be gone with their effects.
    if (epoch() != base_epoch_) cursors_.clear();
    if (cursors_.empty() && !load_cursors()) return retry("the cursors cannot be read");
    next_ = cursors_;
    next_skipped_ = 0;
    next_ahead_ = 0;
    std::vector<ports::journal_record> batch;
    for (shard_t i = 0; i < cursors_.size() && batch.size() < options_.records_max; ++i) {
      const auto shard = static_cast<shard_t>((first_shard_ + i) % cursors_.size());
      read_shard(shard, batch);
    }
    first_shard_ = static_cast<shard_t>((first_shard_ + 1) % cursors_.size());
    publish_lag();
    if (!batch.empty() || !unsaved_.empty()) start(std::move(batch));
  }

  void read_shard(shard_t shard, std::vector<ports::journal_record>& batch) {
    const auto head = source_.head(shard);
    auto& cursor = next_[shard];
    if (cursor > head) return report_ahead(shard, head);
    if (cursor == head || troubled_.rests(shard)) return;
    skip_gone(shard, cursor);
    auto read = read_up_to_damage(shard, cursor, options_.records_max - batch.size());
    if (!read) {
      ++failed_reads_;
      const auto rest_ms = troubled_.failed(shard, std::string(read.error().text()));
      delayed_send(this, std::chrono::milliseconds(rest_ms), read_again{shard});
      return;
    }
    troubled_.was_read(shard);
    for (auto& record : *read) {
      cursor = record.first_sequence + record.events.size() - 1;
      batch.push_back(std::move(record));
    }
  }

  /// A damaged record spoils the whole read that it is in, so less is read until what lies before it comes.
  [[nodiscard]] result<std::vector<ports::journal_record>> read_up_to_damage(shard_t shard, std::uint64_t cursor,
                                                                             std::size_t records) const {
    auto read = source_.read(shard, cursor, records, options_.bytes_max);
    while (!read && read.error().code == error_code::corrupt_record && records > 1) {
      records /= 2;
      read = source_.read(shard, cursor, records, options_.bytes_max);
    }
    return read;
  }

  /// Never a skip: an operator restored a store without its twin, or the stores do not belong together.
  void report_ahead(shard_t shard, std::uint64_t head) {
    ++next_ahead_;
    if (!ahead_reported_)
      log::error("events", "a cursor is ahead of the journal; its shard is not read",
                 {{"subscriber", options_.name}, {"shard", shard}, {"cursor", next_[shard]}, {"head", head}});
    ahead_reported_ = true;
  }

  void skip_gone(shard_t shard, std::uint64_t& cursor) {
    const auto oldest = source_.oldest(shard);
    if (oldest == 0 || cursor + 1 >= oldest) return;
    // Once, however often the batch behind the gap fails.
    if (std::exchange(told_gone_[shard], oldest) != oldest)
      log::error("events", "events were gone before they could be read; it goes on from the oldest",
                 {{"subscriber", options_.name}, {"shard", shard}, {"skipped", oldest - cursor - 1}});
    next_skipped_ += oldest - cursor - 1;
    cursor = oldest - 1;
  }

  void start(std::vector<ports::journal_record> batch) {
    std::vector<domain::row_change> rows;
    for (shard_t shard = 0; shard < source_.shards(); ++shard)
      if (next_[shard] != cursors_[shard] || unsaved_.contains(shard))
        rows.push_back({cursor_key(options_.name, shard), encode_record(cursor_row{next_[shard]})});
    batch_size_ = batch.size();
    busy_ = true;
    last_found_us_ = runtime::monotonic_us();
    ++batch_;
    // A slot, because an effect that forgets to say how it ended must not stall its subscriber for good.
    const auto done = std::make_shared<reply_slot<void>>(
        [self = caf::actor_cast<runner_actor>(this), batch = batch_](const result<void>& outcome) {
          caf::anon_send(self, effect_done{batch, outcome ? std::nullopt : std::optional(outcome.error())});
        });
    try {
      take_(std::move(batch), std::move(rows), base_epoch_,
            [done](const result<void>& outcome) { done->answer(outcome); });
    } catch (const std::exception& thrown) {
      done->answer(error(error_code::internal, thrown.what()));
    } catch (...) {
      done->answer(error(error_code::internal, "an exception of no known type"));
    }
  }

  void on_done(const effect_done& message) {
    if (!busy_ || message.batch != batch_) return;
    busy_ = false;
    if (message.failure) return retry(std::string(message.failure->text()));
    cursors_ = next_;
    unsaved_.clear();
    delay_ms_ = options_.retry_ms;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->status.handled += batch_size_;
      shared_->status.skipped += next_skipped_;
      shared_->status.cursors = cursors_;
      shared_->status.last_failure = troubled_.trouble();
    }
    pull();
  }

  void retry(std::string why) {
    log::warning("events", "a subscriber failed and tries again",
                 {{"subscriber", options_.name}, {"reason", why}, {"delay_ms", delay_ms_}});
    {
      const std::lock_guard lock(shared_->mutex);
      ++shared_->status.failures;
      shared_->status.last_failure = std::move(why);
    }
    resting_ = true;
    delayed_send(this, std::chrono::milliseconds(delay_ms_), try_again{});
    delay_ms_ = std::min(delay_ms_ * 2, options_.retry_max_ms);
  }

  bool load_cursors() {
    const auto read_at = epoch();  // before the rows
    std::vector<std::uint64_t> loaded;
    unsaved_.clear();
    for (shard_t shard = 0; shard < source_.shards(); ++shard) {
      const auto row = effects_.get(cursor_key(options_.name, shard), ports::read_tier::disk);
      if (row.what == ports::row_value::status::absent) {
        // "now" is the moment of the first start: it is written down, or a later start would skip what came since.
        if (options_.start == start_from::now) unsaved_.insert(shard);
        loaded.push_back(options_.start == start_from::now ? source_.head(shard) : before_oldest(source_, shard));
        continue;
      }
      if (row.what != ports::row_value::status::found) return false;
      const auto cursor = decode_record<cursor_row>(row.bytes);
      if (!cursor) return false;
      loaded.push_back(cursor->sequence);
    }
    cursors_ = std::move(loaded);
    base_epoch_ = read_at;
    return true;
  }

  void publish_lag() {
    std::uint64_t lag = 0;
    for (shard_t shard = 0; shard < source_.shards(); ++shard)
      lag += ports::events_between(cursors_[shard], source_.head(shard));
    const std::lock_guard lock(shared_->mutex);
    shared_->status.lag = lag;
    shared_->status.ahead = next_ahead_;
    shared_->status.cursors = cursors_;
    shared_->status.failures += std::exchange(failed_reads_, 0);
    // What a batch failed of is said until one has taken effect.
    const auto before = std::exchange(shared_->status.unreadable, troubled_.count());
    if (troubled_.count() > 0 || before > 0) shared_->status.last_failure = troubled_.trouble();
  }

  const subscriber_options options_;
  ports::journal& source_;
  const ports::row_reader& effects_;
  const ports::journal* const effects_log_;  ///< null: see `epoch`
  fenced_effect take_;
  const std::shared_ptr<shared_status> shared_;
  std::vector<std::uint64_t> cursors_;  ///< what took effect
  std::uint64_t base_epoch_ = 0;        ///< when they were read
  std::vector<std::uint64_t> next_;     ///< with the batch under way
  std::uint64_t next_skipped_ = 0;      ///< likewise
  std::size_t next_ahead_ = 0;
  std::map<shard_t, std::uint64_t> told_gone_;  ///< the oldest sequence at the time
  std::set<shard_t> unsaved_;                   ///< shards whose first cursor is not written yet
  resting_shards troubled_;
  std::uint64_t failed_reads_ = 0;  ///< not told yet
  std::uint64_t batch_ = 0;         ///< number of the batch under way
  std::size_t batch_size_ = 0;
  shard_t first_shard_ = 0;
  bool busy_ = false;
  bool look_planned_ = false;
  std::int64_t last_found_us_ = 0;  ///< monotonic
  bool resting_ = false;            ///< after a failure
  bool ahead_reported_ = false;
  std::int64_t delay_ms_;
};

class subscriber::impl {
 public:
  impl(runtime::node& node, subscriber_options options, ports::journal& source, const ports::row_reader& effects,
       const ports::journal* effects_log, fenced_effect take)
      : source_(source), shared_(std::make_shared<shared_status>()) {
    shared_->status.name = options.name;
    runner_ = node.spawn_blocking<runner>(node.context(), std::move(options), source, effects, effects_log,
                                          std::move(take), shared_);
    watcher_ = source_.watch([shared = shared_, runner = runner_] {
      if (!shared->signalled.exchange(true)) caf::anon_send(runner, look{});
    });
    caf::anon_send(runner_, look{});
  }
  ~impl() { stop(); }

  void stop() {
    if (!runner_) return;
    source_.unwatch(watcher_);
    {
      const std::lock_guard lock(shared_->working);
      shared_->stopped = true;
    }
    caf::anon_send_exit(runner_, caf::exit_reason::user_shutdown);
    runner_ = nullptr;
  }

  [[nodiscard]] subscriber_status status() const {
    const std::lock_guard lock(shared_->mutex);
    auto now = shared_->status;
    now.lag = 0;
    for (shard_t shard = 0; shard < source_.shards(); ++shard) {
      const auto cursor = now.cursors.empty() ? before_oldest(source_, shard) : now.cursors[shard];
      now.lag += ports::events_between(cursor, source_.head(shard));
    }
    return now;
  }

 private:
  ports::journal& source_;
  const std::shared_ptr<shared_status> shared_;
  runner_actor runner_;
  std::uint64_t watcher_ = 0;
};

subscriber::subscriber(runtime::node& node, subscriber_options options, ports::journal& source,
                       const ports::row_reader& effects, effect take)
    : impl_(std::make_unique<impl>(node, std::move(options), source, effects, nullptr,
                                   [take = std::move(take)](auto records, auto cursors, std::uint64_t, auto done) {
                                     take(std::move(records), std::move(cursors), std::move(done));
                                   })) {}
subscriber::subscriber(runtime::node& node, subscriber_options options, ports::journal& source,
                       const ports::store& effects, fenced_effect take)
    : impl_(std::make_unique<impl>(node, std::move(options), source, *effects.rows, effects.log, std::move(take))) {}
subscriber::~subscriber() = default;
subscriber_status subscriber::status() const {
  return impl_->status();
}
void subscriber::stop() {
  impl_->stop();
}

}  // namespace social::events
