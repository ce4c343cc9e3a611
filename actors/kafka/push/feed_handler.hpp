// What event_feed does with the records of its group, without Kafka: driven by a group_consumer, or by a test.
//
// A record is done when what follows from it is durable: an event when the push role has committed its deliveries, a
// request when its reply is acknowledged, poison (an event or a request) when its dead letter is. Offsets are committed
// up to the first record that is not done. What fails because of us stays and is tried again, with its partition
// paused; what fails because of the record goes to the dead letters while its partition goes on.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "actors/kafka/push/dead_letter_record.hpp"
#include "actors/kafka/push/event_feed.hpp"
#include "actors/kafka/push/offset_tracker.hpp"
#include "actors/kafka/rare_line.hpp"

namespace social::kafka {

/// Carries completions from any thread to the consumer's. Outlives the handler in the hands of those who owe one.
class feed_inbox {
 public:
  using task = std::function<void()>;
  explicit feed_inbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void post(task what);
  [[nodiscard]] std::vector<task> take();
  /// Waits for a task; at most so long.
  void wait(std::int64_t wait_ms);
  /// What is posted later is dropped.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<task> tasks_;
  std::function<void()> wake_;
  bool closed_ = false;
};

/// Owned by event_feed. Everything but `status` runs on the consumer's thread.
class feed_handler final : public group_handler {
 public:
  /// `wake`: any thread, makes the consumer call `turn` soon.
  feed_handler(feed_options options, feed_parts parts, std::function<void()> wake);
  ~feed_handler() override;

  void assigned(group_control& control, const std::vector<topic_partition>& which) override;
  void revoked(group_control& control, const std::vector<topic_partition>& which, bool lost) override;
  void records(group_control& control, std::vector<received> batch) override;
  void turn(group_control& control) override;

  /// Any thread: what is under way when partitions go is waited for not longer than that.
  void hurry(std::int64_t wait_ms) { revoke_wait_ms_ = std::min<std::int64_t>(revoke_wait_ms_, wait_ms); }
  /// Any thread. Without `group`, which the consumer knows.
  [[nodiscard]] feed_status status() const;
  /// Any thread, when the consumer has stopped: `wake` is not called any more.
  void close() { inbox_->close(); }
  /// The consumer's view of the ends, for the lags; before the first assignment.
  void look_at_ends(std::function<std::map<topic_partition, std::int64_t>()> ends) { ends_ = std::move(ends); }
  /// The same of where the group stands in partitions of which nothing was handed over yet.
  void look_at_starts(std::function<std::map<topic_partition, partition_start>()> starts) {
    starts_ = std::move(starts);
  }

 private:
  struct waiting_event {
    tracked_record which;
    protocol::push_event event;
  };
  /// Something that is done outside, one record at a time: a request or a dead letter.
  struct errand {
    tracked_record which;
    std::shared_ptr<const received> what;
    error why;  ///< what is wrong with it, when it is poison
    bool is_poison = false;
    letter_part keep = letter_part::all;
    std::int64_t retry_ms = 0;
  };
  struct resting_errand {
    std::int64_t at_ms = 0;
    errand what;
  };
  enum class flow : std::uint8_t { paused, flowing };
  /// Errands under way or resting, which hold their records.
  struct load {
    std::size_t records = 0;
    std::size_t bytes = 0;
  };

  [[nodiscard]] std::int64_t now_ms() const;
  [[nodiscard]] bool is_request(const topic_partition& where) const { return requests_.contains(where.topic); }

  // Records.
  void take(received record);
  load& load_of(const errand& what) { return is_request(what.which.where) ? requests_open_ : letters_open_; }
  void open_errand(errand what);
  /// It has ended, or is dropped.
  void close_errand(const errand& what);
  void become_poison(errand& what, const error& why);
  void start_batch();
  void consume_batch();
  void batch_ended(const result<void>& outcome);
  void run(errand what);
  void serve(errand what);
  void bury(errand what);
  void errand_ended(errand what, const result<void>& outcome);
  void try_again();

  // Partitions.
  void catch_up();
  void caught_up(std::uint64_t assignment, const result<void>& outcome);
  void set_flow(group_control& control);
  [[nodiscard]] bool events_may_flow();
  [[nodiscard]] bool requests_may_flow();
  [[nodiscard]] bool has_room(const load& open, std::size_t others, std::size_t records_max, bool flowing) const;
  void commit(group_control& control);
  void drop_waiting(const std::vector<topic_partition>& which);
  [[nodiscard]] bool is_outside(const std::vector<topic_partition>& which) const;
  void run_inbox();

  void failed(const error& why);
  void publish();
  partition_lag lag_of(const topic_partition& where, std::int64_t end, const partition_start& start);

  const feed_options options_;
  const feed_parts parts_;
  const std::set<std::string> requests_;
  const std::shared_ptr<feed_inbox> inbox_;
  std::function<std::map<topic_partition, std::int64_t>()> ends_;
  std::function<std::map<topic_partition, partition_start>()> starts_;

  std::atomic<std::int64_t> revoke_wait_ms_;

  offset_tracker tracker_;
  std::deque<waiting_event> waiting_;  ///< in the order of each partition
  std::vector<waiting_event> batch_;   ///< with the push role, or about to be tried again
  bool batch_is_outside_ = false;
  std::int64_t batch_at_ms_ = 0;  ///< when it is tried again
  std::int64_t batch_retry_ms_ = 0;
  std::vector<resting_errand> resting_;
  std::map<topic_partition, std::size_t> outside_;  ///< requests and dead letters under way
  load requests_open_;                              ///< requests, and dead letters of requests
  load letters_open_;                               ///< dead letters of events

  std::uint64_t assignment_ = 0;
  bool caught_up_ = false;
  bool table_is_current_ = true;
  std::int64_t catch_up_at_ms_ = 0;  ///< asked again then; 0: it is being waited for
  bool events_flow_ = false;
  bool requests_flow_ = false;
  bool full_ = false;
  std::map<topic_partition, flow> flows_;
  std::map<topic_partition, std::int64_t> behind_since_;  ///< wall clock
  std::int64_t commit_at_ms_ = 0;
  std::int64_t commit_all_at_ms_ = 0;
  std::int64_t said_at_ms_ = 0;

  std::uint64_t events_ = 0;
  std::uint64_t poison_ = 0;
  std::uint64_t failures_ = 0;
  std::string last_failure_;
  rare_line poison_line_;
  mutable std::mutex status_mutex_;
  feed_status status_;
};

}  // namespace social::kafka
