#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "actors/base/log.hpp"
#include "actors/kafka/client_config.hpp"
#include "actors/kafka/topic_settings.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

constexpr int look_ms = 100;  ///< longest time without looking whether we shall stop
constexpr std::chrono::milliseconds look_again{50};
constexpr std::chrono::milliseconds retry_first{250};
constexpr std::chrono::milliseconds retry_last{5'000};
/// Between two attempts at what nobody here waits for, and at questions that were not answered.
constexpr std::chrono::milliseconds retry_rarely{60'000};

using new_topic_handle = std::unique_ptr<rd_kafka_NewTopic_t, rd::freed_by<rd_kafka_NewTopic_destroy>>;
using options_handle = std::unique_ptr<rd_kafka_AdminOptions_t, rd::freed_by<rd_kafka_AdminOptions_destroy>>;

void append(std::string& sentence, const std::string& more) {
  if (!sentence.empty()) sentence += "; ";
  sentence += more;
}

}  // namespace

/// Everything of librdkafka is used by the thread alone.
class topic_keeper::parts {
 public:
  parts(client_settings settings, std::vector<topic_plan> plans, std::vector<topic_gate> gates,
        std::shared_ptr<client_health> health, std::chrono::milliseconds look_later)
      : settings_(std::move(settings)),
        plans_(std::move(plans)),
        closed_(std::move(gates)),
        look_later_(look_later),
        observer_("topics", std::move(health)) {
    for (const auto& plan : plans_) statuses_[plan.name].name = plan.name;
    thread_ = std::thread([this] { run(); });
  }
  ~parts() { stop(); }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_signal_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] std::vector<topic_status> status() const {
    const std::lock_guard lock(mutex_);
    std::vector<topic_status> out;
    out.reserve(plans_.size());
    for (const auto& plan : plans_) out.push_back(statuses_.at(plan.name));
    return out;
  }

  [[nodiscard]] bool is_ready() const { return all_open_; }

 private:
  void run() {
    auto conf = rd::make_admin_conf(settings_);
    // An admin client is a producer that produces nothing.
    auto client = conf ? rd::make_client(RD_KAFKA_PRODUCER, std::move(*conf), settings_)
                       : result<rd::client_handle>(conf.error());
    if (!client) return log::error("kafka", "the topics cannot be looked after", {{"reason", client.error().text()}});
    client_ = std::move(*client);
    main_.reset(rd_kafka_queue_get_main(client_.get()));
    answers_.reset(rd_kafka_queue_new(client_.get()));
    while (!stopping()) pause(turn());
    answers_.reset();
    main_.reset();
    client_.reset();
  }

  /// Says when to look again.
  std::chrono::milliseconds turn() {
    const auto missing = look();
    if (!missing) return std::exchange(look_wait_, std::min(look_wait_ * 2, retry_last));
    look_wait_ = retry_first;
    open_gates();
    compare_settings();
    return make(*missing);
  }

  /// Each opens once, when its own topics are there: one that nobody here needs holds up nobody.
  void open_gates() {
    std::erase_if(closed_, [this](const topic_gate& gate) {
      if (stopping() || !std::ranges::all_of(gate.topics, [this](const auto& name) { return exists(name); }))
        return false;
      gate.open();
      return true;
    });
    all_open_ = closed_.empty();
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = statuses_.find(name);
    return found != statuses_.end() && found->second.exists;
  }

  std::chrono::milliseconds make(const std::vector<const topic_plan*>& missing) {
    if (missing.empty()) {
      unmade_.clear();
      return look_later_;
    }
    const auto now = std::chrono::milliseconds(rd::now_ms());
    std::set<std::string> names;
    for (const auto* plan : missing) names.insert(plan->name);
    if (names != unmade_) {
      unmade_ = std::move(names);
      make_wait_ = retry_first;
      make_at_ = now;
    }
    if (now < make_at_) return std::min(look_later_, make_at_ - now);
    // Brokers tell each other of new topics: it takes a moment until the one that is asked knows them.
    if (create(missing)) return look_again;
    const auto wait = std::exchange(make_wait_, std::min(make_wait_ * 2, all_open_ ? retry_rarely : retry_last));
    make_at_ = now + wait;
    return std::min(look_later_, wait);
  }

  [[nodiscard]] bool stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  void pause(std::chrono::milliseconds time) {
    serve();
    std::unique_lock lock(mutex_);
    stop_signal_.wait_for(lock, time, [this] { return stopping_; });
  }

  /// Errors and log lines.
  void serve() {
    while (const auto event = rd::event_handle(rd_kafka_queue_poll(main_.get(), 0))) observer_.serve(*event);
  }

  /// The plans of topics that are not there; nothing when no broker says.
  std::optional<std::vector<const topic_plan*>> look() {
    const rd_kafka_metadata_t* answer = nullptr;
    auto code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    // In short steps, because the call cannot be interrupted.
    for (int waited = 0; code == RD_KAFKA_RESP_ERR__TIMED_OUT && waited < rd::admin_call_ms && !stopping();
         waited += 10 * look_ms) {
      code = rd_kafka_metadata(client_.get(), 1, nullptr, &answer, 10 * look_ms);
      serve();
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
    const rd::metadata_handle owned(answer);
    observer_.answered();
    std::map<std::string_view, const rd_kafka_metadata_topic_t*> found;
    for (int i = 0; i < answer->topic_cnt; ++i)
      if (answer->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && answer->topics[i].partition_cnt > 0)
        found[answer->topics[i].topic] = &answer->topics[i];
    std::vector<const topic_plan*> missing;
    for (const auto& plan : plans_) {
      const auto there = found.find(plan.name);
      if (there == found.end())
        note_missing(*missing.emplace_back(&plan));
      else
        note(plan, *there->second);
    }
    return missing;
  }

  void note_missing(const topic_plan& plan) {
    compared_.erase(plan.name);
    bool was_there = false;
    {
      const std::lock_guard lock(mutex_);
      auto& status = statuses_.at(plan.name);
      was_there = std::exchange(status.exists, false);
      if (was_there) status.difference.clear();
      status.partitions = 0;
      other_settings_.erase(plan.name);
    }
    // Deleted while we run, or seen as there on a broker that had not heard yet that it is gone.
    if (was_there) observer_.warn("gone/" + plan.name, "a topic is gone, it is made again", plan.name);
  }

  void note(const topic_plan& plan, const rd_kafka_metadata_topic_t& there) {
    std::string difference;
    if (there.partition_cnt != plan.partitions)
      append(difference, "it has " + std::to_string(there.partition_cnt) + " partitions instead of " +
                             std::to_string(plan.partitions));
    if (there.partitions[0].replica_cnt != plan.replication)
      append(difference, "it has " + std::to_string(there.partitions[0].replica_cnt) + " replicas instead of " +
                             std::to_string(plan.replication));
    const std::lock_guard lock(mutex_);
    if (const auto settings = other_settings_.find(plan.name); settings != other_settings_.end())
      append(difference, settings->second);
    auto& status = statuses_.at(plan.name);
    status.exists = true;
    status.partitions = there.partition_cnt;
    status.difference = std::move(difference);
  }

  options_handle options(rd_kafka_admin_op_t what) {
    options_handle out(rd_kafka_AdminOptions_new(client_.get(), what));
    std::array<char, 256> why{};
    rd_kafka_AdminOptions_set_request_timeout(out.get(), rd::admin_call_ms, why.data(), why.size());
    return out;
  }

  /// Null when we shall stop.
  rd::event_handle wait_for_answer() {
    while (!stopping()) {
      rd::event_handle event(rd_kafka_queue_poll(answers_.get(), look_ms));
      serve();
      if (event != nullptr) return event;
    }
    return nullptr;
  }

  /// True: at least one was made.
  bool create(const std::vector<const topic_plan*>& missing) {
    std::vector<new_topic_handle> wanted;
    std::array<char, 512> why{};
    for (const auto* plan : missing) {
      new_topic_handle made(
          rd_kafka_NewTopic_new(plan->name.c_str(), plan->partitions, plan->replication, why.data(), why.size()));
      if (made == nullptr) {
        refused(plan->name, why.data());
        continue;
      }
      for (const auto& [name, value] : plan->settings)
        rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
      wanted.push_back(std::move(made));
    }
    if (wanted.empty()) return false;
    auto topics = rd::pointers_of(wanted);
    rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options(RD_KAFKA_ADMIN_OP_CREATETOPICS).get(),
                          answers_.get());
    const auto answer = wait_for_answer();
    if (answer == nullptr) return false;
    if (rd_kafka_event_error(answer.get()) == RD_KAFKA_RESP_ERR_NO_ERROR) return any_created(*answer);
    for (const auto* plan : missing) note_refused(plan->name, rd_kafka_event_error_string(answer.get()));
    observer_.warn("create", "topics could not be created, it is tried again",
                   rd_kafka_event_error_string(answer.get()));
    return false;
  }

  bool any_created(rd_kafka_event_t& answer) {
    std::size_t count = 0;
    const auto* const results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(&answer), &count);
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = rd_kafka_topic_result_name(results[i]);
      switch (rd_kafka_topic_result_error(results[i])) {
        case RD_KAFKA_RESP_ERR_NO_ERROR: {
          created_.insert(name);
          any = true;
          log::info("kafka", "a topic was created", {{"topic", name}});
          break;
        }
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
          unseen(name);
          break;
        default: {
          const auto* const text = rd_kafka_topic_result_error_string(results[i]);
          refused(name, text != nullptr ? text : rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
        }
      }
    }
    return any;
  }

  /// Another process was faster, and the broker that is asked has not heard of it yet. Or the user may not describe it:
  /// then a broker speaks of it as of one that is not there.
  void unseen(const std::string& name) {
    constexpr std::string_view why = "it exists, but no broker shows it: the user needs the right to describe it";
    if (make_wait_ > retry_first * 4)
      observer_.warn("unseen/" + name, "a topic exists, but is not shown", name + ": " + std::string(why));
    note(name, std::string(why));
  }

  void refused(const std::string& name, std::string_view why) {
    observer_.warn("create/" + name, "a topic could not be created, it is tried again", name + ": " + std::string(why));
    note_refused(name, why);
  }

  void note_refused(const std::string& name, std::string_view why) {
    note(name, "it could not be created: " + std::string(why));
  }

  void note(const std::string& name, std::string difference) {
    const std::lock_guard lock(mutex_);
    if (const auto status = statuses_.find(name); status != statuses_.end())
      status->second.difference = std::move(difference);
  }

  /// Of topics that somebody else has made, once each: settings are an operator's business, he is told, nothing is
  /// changed. Not before everything is open, which it must not hold up.
  void compare_settings() {
    if (!all_open_ || stopping() || rd::now_ms() < compare_at_ms_) return;
    std::vector<std::string> names;
    for (const auto& plan : plans_)
      if (exists(plan.name) && !created_.contains(plan.name) && !compared_.contains(plan.name))
        names.push_back(plan.name);
    if (!names.empty()) {
      rd::ask_for_settings(*client_, names, options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).get(), *answers_);
      const auto answer = wait_for_answer();
      if (answer == nullptr) return;
      if (rd_kafka_event_error(answer.get()) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        compared_.insert(names.begin(), names.end());
        take_settings(*answer);
      } else {
        compare_at_ms_ = rd::now_ms() + retry_rarely.count();
        observer_.warn("describe", "the settings of topics could not be compared; it is tried again",
                       rd_kafka_event_error_string(answer.get()));
      }
    }
    report_differences();
  }

  void take_settings(rd_kafka_event_t& answer) {
    const auto differences = rd::settings_that_differ(answer, plans_, observer_);
    const std::lock_guard lock(mutex_);
    for (const auto& [name, sentence] : differences) {
      other_settings_[name] = sentence;
      append(statuses_.at(name).difference, sentence);
    }
  }

  void report_differences() {
    for (const auto& status : this->status())
      if (status.exists && !status.difference.empty() && said_.insert(status.name + ": " + status.difference).second)
        log::warning("kafka", "a topic differs from what is configured; it is used as it is",
                     {{"topic", status.name}, {"difference", status.difference}});
  }

  const client_settings settings_;
  const std::vector<topic_plan> plans_;
  std::vector<topic_gate> closed_;  ///< gates
  const std::chrono::milliseconds look_later_;
  rd::observer observer_;
  rd::client_handle client_;
  rd::queue_handle main_;
  rd::queue_handle answers_;
  std::set<std::string> created_;   ///< by us: as planned
  std::set<std::string> compared_;  ///< their settings are known
  std::set<std::string> said_;      ///< differences
  std::set<std::string> unmade_;    ///< those that were missing at the last look
  std::chrono::milliseconds look_wait_ = retry_first;
  std::chrono::milliseconds make_wait_ = retry_first;
  std::chrono::milliseconds make_at_{0};
  std::int64_t compare_at_ms_ = 0;
  std::atomic<bool> all_open_{false};
  mutable std::mutex mutex_;
  std::condition_variable stop_signal_;
  bool stopping_ = false;
  std::map<std::string, topic_status> statuses_;
  std::map<std::string, std::string> other_settings_;  ///< by topic: found when settings were compared
  std::thread thread_;
};

topic_keeper::topic_keeper(client_settings settings, std::vector<topic_plan> plans, std::vector<topic_gate> gates,
                           std::shared_ptr<client_health> health, std::chrono::milliseconds look_later)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(plans), std::move(gates), std::move(health),
                                     look_later)) {}
topic_keeper::~topic_keeper() = default;
std::vector<topic_status> topic_keeper::status() const {
  return parts_->status();
}
bool topic_keeper::is_ready() const {
  return parts_->is_ready();
}
void topic_keeper::stop() {
  parts_->stop();
}

}  // namespace social::kafka
