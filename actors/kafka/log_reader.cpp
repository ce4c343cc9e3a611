#include "actors/kafka/log_reader.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <set>
#include <thread>

#include "actors/base/log.hpp"
#include "actors/kafka/catch_ups.hpp"
#include "actors/kafka/first_offset.hpp"
#include "actors/kafka/simple_consumer.hpp"

namespace social::kafka {
namespace {

constexpr int call_ms = 1'000;                  ///< longest wait for a broker's answer
constexpr int poll_ms = 100;                    ///< longest wait for a record
constexpr std::int64_t look_every_ms = 60'000;  ///< for new partitions
constexpr std::int64_t publish_every_ms = 200;  ///< ends, for the lag
constexpr std::size_t batch_bytes_max = 4 * 1024 * 1024;

/// One partition, as the thread sees it.
struct reading {
  bool started = false;
  bool added_later = false;          ///< came when its topic was being read already: all of it is new
  std::optional<std::int64_t> next;  ///< the next offset to be handed over
  std::int64_t try_at_ms = 0;        ///< not started before that
};

}  // namespace

/// Everything of librdkafka is used by the thread alone.
class log_reader::parts {
 public:
  parts(client_settings settings, log_reader_options options, handler take, std::shared_ptr<client_health> health)
      : settings_(std::move(settings)),
        options_(std::move(options)),
        take_(std::move(take)),
        observer_(options_.name, std::move(health)),
        thread_([this] { run(); }) {}

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (consumer_) consumer_->yield();
    }
    stop_signal_.notify_all();
    const std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] bool stands() const { return stands_; }

  void catch_up(std::function<void(result<void>)> done) {
    catch_ups_.add(std::move(done));
    const std::lock_guard lock(mutex_);
    if (consumer_) consumer_->yield();
  }

  [[nodiscard]] std::map<topic_partition, std::int64_t> positions() const {
    const std::lock_guard lock(mutex_);
    return positions_;
  }

  [[nodiscard]] std::uint64_t lag() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = 0;
    for (const auto& [where, end] : ends_) {
      const auto position = positions_.find(where);
      if (position != positions_.end() && end > position->second)
        sum += static_cast<std::uint64_t>(end - position->second);
    }
    return sum;
  }

 private:
  void run() {
    while (!stopping() && !open()) rest(options_.retry_ms);
    while (!stopping()) {
      serve_events();
      look_for_partitions();
      start_partitions();
      probe();
      serve_catch_ups();
      publish();
      if (batch_.empty()) gather();
      hand_over();
    }
    close();
  }

  bool open() {
    auto made = rd::simple_consumer::make(settings_, options_.topics, options_.fetch_bytes_max);
    if (!made) {
      observer_.warn("open", "a Kafka reader cannot be made; it is tried again", made.error().text());
      return false;
    }
    const std::lock_guard lock(mutex_);
    consumer_ = std::move(*made);
    return true;
  }

  void close() {
    stands_ = false;
    std::unique_ptr<rd::simple_consumer> ended;
    {
      const std::lock_guard lock(mutex_);
      ended = std::move(consumer_);
    }
    catch_ups_.end();
  }

  // --- partitions

  void look_for_partitions() {
    if (rd::now_ms() < look_at_ms_) return;
    complete_ = true;
    for (const auto& topic : options_.topics) {
      const auto count = consumer_->partitions(topic, call_ms);
      if (count)
        add_partitions(topic, *count);
      else
        on_no_partitions(topic, count.error());
      if (stopping()) return;
    }
    look_at_ms_ = rd::now_ms() + (complete_ ? look_every_ms : options_.retry_ms);
  }

  void add_partitions(const std::string& topic, std::int32_t count) {
    observer_.answered();
    if (count == 0) complete_ = false;
    const bool later = missing_.contains(topic) || partitions_.contains({topic, 0});
    for (std::int32_t partition = 0; partition < count; ++partition) {
      const auto [added, fresh] = partitions_.try_emplace({topic, partition});
      if (fresh) added->second.added_later = later;
    }
    // A topic that was made anew may have fewer.
    std::erase_if(partitions_, [&](const auto& p) {
      return p.first.topic == topic && p.first.partition >= count && !p.second.started;
    });
  }

  /// A topic that was there before is still read, or it will say itself that it is gone.
  void on_no_partitions(const std::string& topic, const error& why) {
    if (!partitions_.contains({topic, 0})) complete_ = false;
    if (why.code != error_code::not_found) return observer_.health().failed(std::string(why.text()), false);
    observer_.answered();
    missing_.insert(topic);
    observer_.warn("missing/" + topic, "a topic to be read is not there; it is looked for again", topic);
  }

  void start_partitions() {
    const auto now = rd::now_ms();
    std::vector<topic_partition> due;
    for (const auto& [where, state] : partitions_)
      if (!state.started && now >= state.try_at_ms) due.push_back(where);
    if (due.empty()) return;
    const auto oldest = consumer_->offsets(due, RD_KAFKA_OFFSET_BEGINNING, call_ms);
    const auto ends = oldest.empty() ? oldest : consumer_->offsets(due, RD_KAFKA_OFFSET_END, call_ms);
    for (const auto& where : due) {
      auto& state = partitions_.at(where);
      const auto low = oldest.find(where);
      const auto high = ends.find(where);
      if (low == oldest.end() || high == ends.end() || !start(where, state, {low->second, high->second}))
        state.try_at_ms = rd::now_ms() + options_.retry_ms;
    }
  }

  bool start(const topic_partition& where, reading& state, const kept_offsets& kept) {
    const auto first = first_offset(options_, where, state.next, state.added_later, kept);
    if (const auto done = consumer_->start(where, first); !done) {
      observer_.warn("start", "a partition cannot be read; it is tried again", done.error().text());
      return false;
    }
    state.started = true;
    state.next = first;
    const std::lock_guard lock(mutex_);
    positions_[where] = first;
    ends_[where] = kept.end;
    return true;
  }

  /// Started again at its position, after a look at what there is.
  void restart(const topic_partition& where) {
    auto& state = partitions_.at(where);
    if (!state.started) return;
    consumer_->stop(where);
    state.started = false;
    state.try_at_ms = rd::now_ms() + options_.retry_ms;
  }

  /// librdkafka says when all brokers are gone, but not when one is back.
  void probe() {
    if (!down_ || rd::now_ms() < probe_at_ms_) return;
    const auto answer = consumer_->partitions(options_.topics.front(), call_ms);
    probe_at_ms_ = rd::now_ms() + options_.retry_ms;
    if (!answer && answer.error().code != error_code::not_found) return;
    down_ = false;
    observer_.answered();
  }

  // --- records

  /// Log lines and errors of the client as a whole; they do not wait for records that cannot be taken.
  void serve_events() {
    while (const auto event = consumer_->poll_events()) {
      if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) down_ = true;
      observer_.serve(*event);
    }
  }

  void gather() {
    std::size_t bytes = 0;
    for (int wait = poll_ms; batch_.size() < options_.batch_records_max && bytes < batch_bytes_max; wait = 0) {
      const auto event = consumer_->poll(wait);
      if (event == nullptr) return;
      switch (rd_kafka_event_type(event.get())) {
        case RD_KAFKA_EVENT_FETCH:
          bytes += add_record(*event);
          break;
        case RD_KAFKA_EVENT_ERROR:
          on_error(*event);
          break;
        default:
          observer_.serve(*event);
      }
    }
  }

  std::size_t add_record(rd_kafka_event_t& event) {
    const auto* message = rd_kafka_event_message_next(&event);
    if (message == nullptr) return 0;
    auto what = rd::received_of(*message);
    auto& state = partitions_.at(what.place());
    if (!state.started || what.offset < *state.next) return 0;
    state.next = what.offset + 1;
    batch_.push_back(std::move(what));
    return message->len + message->key_len;
  }

  void on_error(rd_kafka_event_t& event) {
    const auto code = rd_kafka_event_error(&event);
    const rd::list_item place(rd_kafka_event_topic_partition(&event));
    if (place == nullptr) return observer_.serve(event);
    const topic_partition where{place->topic, place->partition};
    const auto found = partitions_.find(where);
    if (found == partitions_.end()) return;
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // What is no record of ours (markers of transactions, gaps of compaction) is passed by.
      if (found->second.started && place->offset > *found->second.next) found->second.next = place->offset;
      return;
    }
    if (code != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
      observer_.warn(rd_kafka_err2name(code), "a partition is not read at the moment; it is tried again",
                     rd_kafka_event_error_string(&event));
    restart(where);
  }

  /// The same records until they are taken.
  void hand_over() {
    if (!batch_.empty()) {
      if (rd::now_ms() < offer_at_ms_) return rest(std::min<std::int64_t>(poll_ms, offer_at_ms_ - rd::now_ms()));
      if (const auto taken = offered(); !taken) {
        observer_.warn("take", "records that were read cannot be taken; they come again", taken.error().text());
        offer_at_ms_ = rd::now_ms() + options_.retry_ms;
        return;
      }
      batch_.clear();
    }
    const std::lock_guard lock(mutex_);
    for (const auto& [where, state] : partitions_)
      if (state.next) positions_[where] = *state.next;
  }

  result<void> offered() {
    try {
      return take_(batch_);
    } catch (const std::exception& thrown) {
      return error(error_code::internal, thrown.what());
    }
  }

  // --- what others see

  void serve_catch_ups() {
    if (!all_started()) return;
    if (catch_ups_.wants_ends() && rd::now_ms() >= ask_at_ms_) {
      const auto ends = ends_now();
      if (ends) catch_ups_.set_ends(*ends);
      ask_at_ms_ = ends ? 0 : rd::now_ms() + options_.retry_ms;
    }
    if (!batch_.empty()) return;
    catch_ups_.settle([this](const topic_partition& where) {
      const auto found = partitions_.find(where);
      return found == partitions_.end() ? std::numeric_limits<std::int64_t>::max() : *found->second.next;
    });
  }

  /// Nullopt: not every leader has answered.
  std::optional<catch_ups::offsets> ends_now() {
    std::vector<topic_partition> all;
    all.reserve(partitions_.size());
    for (const auto& [where, state] : partitions_) all.push_back(where);
    auto out = consumer_->offsets(all, RD_KAFKA_OFFSET_END, call_ms);
    if (out.size() != all.size()) return std::nullopt;
    return out;
  }

  [[nodiscard]] bool all_started() const {
    return complete_ && std::ranges::all_of(partitions_, [](const auto& p) { return p.second.started; });
  }

  void publish() {
    stands_ = !down_ && all_started();
    const auto now = rd::now_ms();
    if (now < publish_at_ms_) return;
    publish_at_ms_ = now + publish_every_ms;
    for (const auto& [where, state] : partitions_) {
      const auto end = state.started ? consumer_->end_last_heard_of(where) : -1;
      const std::lock_guard lock(mutex_);
      if (end > ends_[where]) ends_[where] = end;
    }
  }

  [[nodiscard]] bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }
  /// Until then, or until the reader is stopped.
  void rest(std::int64_t ms) {
    std::unique_lock lock(mutex_);
    stop_signal_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopping_; });
  }

  const client_settings settings_;
  const log_reader_options options_;
  const handler take_;

  // Of the thread alone.
  rd::observer observer_;
  std::map<topic_partition, reading> partitions_;
  std::set<std::string> missing_;  ///< topics that were not there when they were looked for
  std::vector<received> batch_;
  bool complete_ = false;  ///< every topic has partitions
  bool down_ = false;      ///< all brokers are
  std::int64_t look_at_ms_ = 0;
  std::int64_t probe_at_ms_ = 0;
  std::int64_t ask_at_ms_ = 0;
  std::int64_t publish_at_ms_ = 0;
  std::int64_t offer_at_ms_ = 0;

  // Shared with callers.
  catch_ups catch_ups_;
  std::atomic<bool> stands_{false};
  mutable std::mutex mutex_;
  std::condition_variable stop_signal_;
  bool stopping_ = false;
  std::unique_ptr<rd::simple_consumer> consumer_;  ///< used by the thread; others only make it yield
  std::map<topic_partition, std::int64_t> positions_;
  std::map<topic_partition, std::int64_t> ends_;

  std::mutex join_mutex_;
  std::thread thread_;  ///< last: it uses all the others
};

log_reader::log_reader(client_settings settings, log_reader_options options, handler take,
                       std::shared_ptr<client_health> health)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(options), std::move(take), std::move(health))) {}
log_reader::~log_reader() {
  stop();
}
bool log_reader::stands() const {
  return parts_->stands();
}
void log_reader::catch_up(std::function<void(result<void>)> done) {
  parts_->catch_up(std::move(done));
}
std::map<topic_partition, std::int64_t> log_reader::positions() const {
  return parts_->positions();
}
std::uint64_t log_reader::lag() const {
  return parts_->lag();
}
void log_reader::stop() {
  parts_->stop();
}

}  // namespace social::kafka
