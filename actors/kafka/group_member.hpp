// What runs on the thread of a group_consumer. Included by group_consumer.cpp and group_member*.cpp alone.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "actors/kafka/client_config.hpp"
#include "actors/kafka/group_consumer.hpp"

namespace social::kafka {

/// Written by the thread, read by anybody.
class group_view {
 public:
  std::atomic<std::uint64_t> rebalances{0};
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> commit_failures{0};

  [[nodiscard]] group_metrics metrics() const {
    const std::lock_guard lock(mutex_);
    return {rebalances, records, commits, commit_failures, assignment_};
  }
  [[nodiscard]] std::map<topic_partition, std::int64_t> ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }
  void set_assignment(std::vector<topic_partition> which) {
    const std::lock_guard lock(mutex_);
    assignment_ = std::move(which);
    ends_.clear();
    starts_.clear();
  }
  void set_end(const topic_partition& where, std::int64_t end) {
    const std::lock_guard lock(mutex_);
    ends_[where] = end;
  }
  [[nodiscard]] std::map<topic_partition, partition_start> starts() const {
    const std::lock_guard lock(mutex_);
    return starts_;
  }
  void set_start(const topic_partition& where, partition_start start) {
    const std::lock_guard lock(mutex_);
    starts_[where] = start;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<topic_partition> assignment_;
  std::map<topic_partition, std::int64_t> ends_;
  std::map<topic_partition, partition_start> starts_;
};

/// Made by `start` and run by the consumer's thread, where everything happens but `wake` and `stop`.
class group_member final : private group_control {
 public:
  /// Errors: invalid_input.
  static result<rd::conf_handle> make_conf(const client_settings& settings, const group_options& options);
  /// Errors: invalid_input, internal.
  static result<std::unique_ptr<group_member>> make(const client_settings& settings, const group_options& options,
                                                    group_handler& handler, std::shared_ptr<client_health> health,
                                                    std::shared_ptr<group_view> seen);
  group_member(rd::client_handle client, group_options options, group_handler& handler,
               std::shared_ptr<client_health> health, std::shared_ptr<group_view> seen);
  ~group_member() override;
  group_member(const group_member&) = delete;
  group_member& operator=(const group_member&) = delete;

  /// Until `stop`; then revokes what is assigned and leaves the group.
  void run();
  /// Any thread.
  void wake();
  void stop();

 private:
  /// An assigned partition.
  ///
  /// librdkafka 2.0.2 starts to fetch it some time after the assignment, and forgets to when a pause, a resume or a
  /// seek comes at that very moment ("received outdated op FETCH_START"). So it is left alone until it shows that it
  /// has started, by a record or by the end of the partition, and what comes before the handler wants it is thrown
  /// away. Where librdkafka goes on after a pause follows from what was polled; where it has to go on follows from what
  /// was handed over: each resume is a seek to `next`.
  struct place {
    bool paused = true;                ///< as the handler wants it
    bool started = false;              ///< fetched for sure
    bool flows = true;                 ///< not paused in librdkafka
    bool must_seek = false;            ///< nothing of it is handed over before `next` has been sought
    std::optional<std::int64_t> next;  ///< the next offset to be handed over; nullopt: where the group stands
    std::int64_t stuck_since_ms = 0;   ///< its leader answers, but it has not started; 0: as it should be
  };

  void pause(const std::vector<topic_partition>& which) override;
  void resume(const std::vector<topic_partition>& which) override;
  void seek(const topic_partition& where, std::int64_t offset) override;
  result<void> commit(const std::map<topic_partition, std::int64_t>& next, bool wait) override;

  // Polling.
  void gather(int wait_ms);
  void on_event(rd_kafka_event_t& event);
  void add_record(rd_kafka_event_t& event);
  void on_error(rd_kafka_event_t& event);
  void hand_over();

  static rd_kafka_resp_err_t subscribe_to(rd_kafka_t& client, const std::vector<std::string>& topics);

  // What is ours.
  void on_rebalance(rd_kafka_event_t& event);
  void assign(const rd_kafka_topic_partition_list_t& list);
  void revoke(bool lost);
  void settle();
  void pause_now(const topic_partition& where, place& state);
  bool seek_now(const topic_partition& where, const place& state);
  void look_at_ends();
  void ask_for_ends();
  void rejoin_if_stuck(const topic_partition& where, place& state);
  void rejoin_if_left_out();
  [[nodiscard]] std::vector<std::string> topics_without_partition() const;
  [[nodiscard]] std::optional<int> members() const;
  void join_again();
  void probe();
  result<void> on_committed(rd_kafka_event_t& event);
  bool coordinator_answers();
  void leave();

  const group_options options_;
  group_handler& handler_;
  const std::shared_ptr<group_view> seen_;
  rd::observer observer_;
  rd::client_handle client_;
  rd::queue_handle queue_;
  rd::topic_handle topic_;  ///< one of ours, to ask brokers about
  std::map<topic_partition, place> places_;
  std::vector<received> batch_;
  std::size_t batch_bytes_ = 0;
  std::int64_t look_at_ms_ = 0;
  std::int64_t ask_at_ms_ = 0;
  std::int64_t probe_at_ms_ = 0;
  std::int64_t left_out_since_ms_ = 0;  ///< without a partition of some topic; 0: it is not so, or not joined yet
  bool unanswered_ = false;             ///< at the end: the coordinator did not answer in time
  std::atomic<bool> stopping_{false};
};

}  // namespace social::kafka
