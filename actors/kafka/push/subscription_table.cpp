#include "actors/kafka/push/subscription_table.hpp"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/base/log.hpp"
#include "actors/kafka/push/table_applier.hpp"
#include "actors/kafka/push/table_audit.hpp"
#include "actors/kafka/topics.hpp"
#include "actors/protocol/public_event.hpp"

namespace social::kafka {
namespace {

constexpr std::string_view outbox_name = "subscriptions";
constexpr std::int64_t retry_ms = 500;
/// A process applies some thousands of records in a second.
constexpr std::uint64_t lag_current_max = 10'000;

bridge_options outbox_options() {
  bridge_options options;
  options.name = outbox_name;
  return options;
}

}  // namespace

/// The reader's thread applies, and audits when the table has been read to its end.
class subscription_table::parts {
 public:
  explicit parts(table_parts from)
      : clock_(*from.clock),
        store_(from.store),
        settings_(std::move(from.settings)),
        health_(std::move(from.health)),
        commands_(std::move(from.command), clock_, store_.log->shards()),
        node_(*from.node),
        make_(std::move(from.make)),
        progress_(store_, std::string(outbox_name)),
        applier_(store_, clock_, progress_, commands_) {
    load();
  }
  ~parts() { stop(std::chrono::milliseconds(0)); }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  bool open() {
    while (!progress_.is_loaded() && !load())
      if (rest_before_load()) return false;
    const std::lock_guard lock(mutex_);
    if (reader_) return true;
    if (commands_.stopped()) return false;
    outbox_->open();
    log_reader_options options;
    options.name = "subscriptions";
    options.topics = {std::string(topic::subscription_table)};
    options.start = log_reader_options::from::positions;
    options.position_of = [this](const topic_partition& where) { return progress_.position_of(where.partition); };
    reader_ = std::make_unique<log_reader>(
        settings_, std::move(options), [this](const std::vector<received>& records) { return take(records); }, health_);
    audit_is_coming_ = true;
    reader_->catch_up([this](const result<void>& read) { audit(read); });
    for (auto& done : std::exchange(early_, {})) reader_->catch_up(std::move(done));
    return true;
  }

  void stop_waiting() {
    const std::lock_guard lock(mutex_);
    waits_ = false;
    waits_no_more_.notify_all();
  }

  void catch_up(std::function<void(result<void>)> done) {
    {
      const std::lock_guard lock(mutex_);
      if (reader_) return reader_->catch_up(std::move(done));
      if (!commands_.stopped()) return early_.push_back(std::move(done));
    }
    done(error_code::shutting_down);
  }

  void when_published(id_t user, std::function<void(result<void>)> done) {
    if (auto* outbox = this->outbox())
      return outbox->when_published(shard_of(user, store_.log->shards()), std::move(done));
    done(error{error_code::unavailable, "the table of subscriptions cannot be written yet"});
  }

  [[nodiscard]] bool is_current() const {
    const std::lock_guard lock(mutex_);
    return reader_ && reader_->stands() && reader_->lag() <= lag_current_max;
  }

  [[nodiscard]] table_status status() const {
    table_status out;
    out.applied = applier_.applied();
    out.malformed = applier_.malformed();
    out.outbox.name = outbox_name;
    if (const auto* outbox = this->outbox()) out.outbox = outbox->status();
    const std::lock_guard lock(mutex_);
    out.reading = reader_ && reader_->stands();
    out.lag = reader_ ? reader_->lag() : 0;
    return out;
  }

  bool stop(std::chrono::milliseconds deadline) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    commands_.stop();
    stop_waiting();
    std::unique_ptr<log_reader> ending;
    std::vector<std::function<void(result<void>)>> early;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopped_, true)) return true;
      ending = std::move(reader_);
      early = std::exchange(early_, {});
    }
    for (const auto& done : early) done(error_code::shutting_down);
    if (ending) {
      const bool complete = ending->stands() && ending->lag() == 0;
      ending->stop();
      if (complete && progress_.audit() == table_audit_kind::none) note_complete();
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    auto* outbox = this->outbox();
    return outbox == nullptr || outbox->stop(std::max(left, std::chrono::milliseconds(0)));
  }

 private:
  /// Null before `load` has succeeded; there until the end from then on.
  [[nodiscard]] bridge* outbox() const {
    const std::lock_guard lock(mutex_);
    return outbox_.get();
  }

  /// True: it is not tried again.
  bool rest_before_load() {
    std::unique_lock lock(mutex_);
    return waits_no_more_.wait_for(lock, std::chrono::milliseconds(retry_ms), [this] { return !waits_; });
  }

  bool load() {
    const auto loaded = progress_.load(clock_.now());
    if (loaded) return make_outbox();
    log::error("kafka", "the position in the table of subscriptions cannot be read; it is tried again",
               {{"reason", loaded.error().text()}});
    return false;
  }

  /// It reads its cursors when it is made: not before those of a first start are written, or it would publish what
  /// came before the table.
  bool make_outbox() {
    const std::lock_guard lock(mutex_);
    if (!stopped_ && !outbox_)
      outbox_ = std::make_unique<bridge>(node_, outbox_options(), *store_.log, store_, clock_,
                                         publish_subscriptions(protocol::event_source(store_.log->store_id())), make_);
    return true;
  }

  result<void> take(const std::vector<received>& records) {
    auto taken = applier_.take(records);
    if (progress_.audit() != table_audit_kind::none) want_audit();
    return taken;
  }

  /// The table turned out to be another one: what it lacks is known when all of it has been read.
  void want_audit() {
    const std::lock_guard lock(mutex_);
    if (!reader_ || std::exchange(audit_is_coming_, true)) return;
    reader_->catch_up([this](const result<void>& read) { audit(read); });
  }

  /// On the reader's thread: nothing is applied meanwhile, and who waits for the table waits for this, too.
  void audit(const result<void>& read) {
    if (!read) return;
    for (;;) {
      const auto done = audit_table(*store_.rows, progress_, commands_);
      if (done && note_complete()) {
        if (done->announced + done->removed > 0)
          log::info("kafka", "the store and the table of subscriptions were compared",
                    {{"devices", done->rows}, {"announced", done->announced}, {"removed", done->removed}});
        break;
      }
      if (!done)
        log::warning("kafka", "the store and the table of subscriptions could not be compared; it is tried again",
                     {{"reason", done.error().text()}});
      if (commands_.rest(retry_ms)) return;
    }
    const std::lock_guard lock(mutex_);
    audit_is_coming_ = false;
  }

  bool note_complete() {
    const auto noted = progress_.note_complete(clock_.now());
    if (!noted)
      log::warning("kafka", "that the table of subscriptions is known could not be written",
                   {{"reason", noted.error().text()}});
    return noted.has_value();
  }

  const ports::clock& clock_;
  const ports::store store_;
  const client_settings settings_;
  const std::shared_ptr<client_health> health_;
  subscription_commands commands_;
  runtime::node& node_;
  const producer_factory make_;
  table_progress progress_;
  table_applier applier_;
  mutable std::mutex mutex_;
  std::condition_variable waits_no_more_;
  bool waits_ = true;  ///< for a store that cannot be read
  std::unique_ptr<bridge> outbox_;
  bool stopped_ = false;
  bool audit_is_coming_ = false;
  std::vector<std::function<void(result<void>)>> early_;  ///< who asked before `open`
  std::unique_ptr<log_reader> reader_;
};

subscription_table::subscription_table(table_parts from) : parts_(std::make_unique<parts>(std::move(from))) {}
subscription_table::~subscription_table() = default;
bool subscription_table::open() {
  return parts_->open();
}
void subscription_table::stop_waiting() {
  parts_->stop_waiting();
}
bool subscription_table::is_current() const {
  return parts_->is_current();
}
void subscription_table::catch_up(std::function<void(result<void>)> done) {
  parts_->catch_up(std::move(done));
}
void subscription_table::when_published(id_t user, std::function<void(result<void>)> done) {
  parts_->when_published(user, std::move(done));
}
table_status subscription_table::status() const {
  return parts_->status();
}
bool subscription_table::stop(std::chrono::milliseconds deadline) {
  return parts_->stop(deadline);
}

}  // namespace social::kafka
