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
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

constexpr int call_ms = 10'000;  ///< longest wait for an answer
constexpr int look_ms = 100;     ///< longest time without looking whether we shall stop
constexpr std::chrono::milliseconds look_again{50};
constexpr std::chrono::milliseconds retry_first{250};
constexpr std::chrono::milliseconds retry_last{5'000};

using new_topic_handle = std::unique_ptr<rd_kafka_NewTopic_t, rd::freed_by<rd_kafka_NewTopic_destroy>>;
using resource_handle = std::unique_ptr<rd_kafka_ConfigResource_t, rd::freed_by<rd_kafka_ConfigResource_destroy>>;
using options_handle = std::unique_ptr<rd_kafka_AdminOptions_t, rd::freed_by<rd_kafka_AdminOptions_destroy>>;

template <class Owner>
auto raw(const std::vector<Owner>& owners) {
  std::vector<typename Owner::pointer> out;
  out.reserve(owners.size());
  for (const auto& each : owners) out.push_back(each.get());
  return out;
}

void append(std::string& sentence, const std::string& more) {
  if (!sentence.empty()) sentence += "; ";
  sentence += more;
}

}  // namespace

/// Everything of librdkafka is used by the thread alone.
class topic_keeper::parts {
 public:
  parts(client_settings settings, std::vector<topic_plan> plans, std::function<void()> ready,
        std::shared_ptr<client_health> health, std::chrono::milliseconds look_later)
      : settings_(std::move(settings)),
        plans_(std::move(plans)),
        ready_(std::move(ready)),
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

  [[nodiscard]] bool is_ready() const { return all_exist_; }

 private:
  void run() {
    auto conf = rd::make_conf(settings_, {{"socket.timeout.ms", std::to_string(call_ms)}},
                              {{"allow.auto.create.topics", "false"}});
    // An admin client is a producer that produces nothing.
    auto client = conf ? rd::make_client(RD_KAFKA_PRODUCER, std::move(*conf), settings_)
                       : result<rd::client_handle>(conf.error());
    if (!client) return log::error("kafka", "the topics cannot be looked after", {{"reason", client.error().text()}});
    client_ = std::move(*client);
    main_.reset(rd_kafka_queue_get_main(client_.get()));
    answers_.reset(rd_kafka_queue_new(client_.get()));
    make_all();
    if (!stopping()) {
      all_exist_ = true;
      ready_();
      compare_settings();
    }
    while (!stopping()) {
      pause(look_later_);
      if (!stopping()) make_all();
    }
    answers_.reset();
    main_.reset();
    client_.reset();
  }

  /// Returns when all topics are there, or when we shall stop.
  void make_all() {
    auto wait = retry_first;
    while (!stopping()) {
      const auto missing = look();
      if (missing && missing->empty()) return;
      if (missing && all_exist_) report_gone(*missing);
      if (missing && create(*missing)) {
        // Brokers tell each other of new topics: it takes a moment until the one that is asked knows them.
        pause(look_again);
        wait = retry_first;
      } else {
        pause(wait);
        wait = std::min(wait * 2, retry_last);
      }
    }
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
    for (int waited = 0; code == RD_KAFKA_RESP_ERR__TIMED_OUT && waited < call_ms && !stopping();
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
    const std::lock_guard lock(mutex_);
    auto& status = statuses_.at(plan.name);
    status.exists = false;
    status.partitions = 0;
    other_settings_.erase(plan.name);
  }

  /// Deleted while we run, or seen as there on a broker that had not heard yet that it is gone.
  void report_gone(const std::vector<const topic_plan*>& missing) {
    for (const auto* plan : missing)
      observer_.warn("gone/" + plan->name, "a topic is gone, it is made again", plan->name);
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
    rd_kafka_AdminOptions_set_request_timeout(out.get(), call_ms, why.data(), why.size());
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

  /// False: at least one was refused.
  bool create(const std::vector<const topic_plan*>& missing) {
    std::vector<new_topic_handle> wanted;
    std::array<char, 512> why{};
    for (const auto* plan : missing) {
      new_topic_handle made(
          rd_kafka_NewTopic_new(plan->name.c_str(), plan->partitions, plan->replication, why.data(), why.size()));
      if (made == nullptr) return refused(plan->name, why.data());
      for (const auto& [name, value] : plan->settings)
        rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
      wanted.push_back(std::move(made));
    }
    auto topics = raw(wanted);
    rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options(RD_KAFKA_ADMIN_OP_CREATETOPICS).get(),
                          answers_.get());
    const auto answer = wait_for_answer();
    if (answer == nullptr) return false;
    if (rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return refused("all", rd_kafka_event_error_string(answer.get()));
    return all_created(*answer);
  }

  bool all_created(rd_kafka_event_t& answer) {
    std::size_t count = 0;
    const auto* const results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(&answer), &count);
    bool all = true;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = rd_kafka_topic_result_name(results[i]);
      switch (rd_kafka_topic_result_error(results[i])) {
        case RD_KAFKA_RESP_ERR_NO_ERROR: {
          created_.insert(name);
          log::info("kafka", "a topic was created", {{"topic", name}});
          break;
        }
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
          break;  // another process was faster
        default: {
          const auto* const text = rd_kafka_topic_result_error_string(results[i]);
          all = refused(name, text != nullptr ? text : rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
        }
      }
    }
    return all;
  }

  bool refused(const std::string& name, std::string_view why) {
    observer_.warn("create/" + name, "a topic could not be created, it is tried again", name + ": " + std::string(why));
    const std::lock_guard lock(mutex_);
    if (const auto status = statuses_.find(name); status != statuses_.end())
      status->second.difference = "it could not be created: " + std::string(why);
    return false;
  }

  /// Of topics that somebody else has made. Once: settings are an operator's business, he is told, nothing is changed.
  void compare_settings() {
    std::vector<resource_handle> asked;
    for (const auto& plan : plans_)
      if (!created_.contains(plan.name))
        asked.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, plan.name.c_str()));
    if (!asked.empty()) {
      auto resources = raw(asked);
      rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(),
                               options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).get(), answers_.get());
      const auto answer = wait_for_answer();
      if (answer == nullptr) return;
      if (rd_kafka_event_error(answer.get()) == RD_KAFKA_RESP_ERR_NO_ERROR)
        compare(*answer);
      else
        observer_.warn("describe", "the settings of topics could not be compared",
                       rd_kafka_event_error_string(answer.get()));
    }
    report_differences();
  }

  void compare(rd_kafka_event_t& answer) {
    std::size_t count = 0;
    const auto* const resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(&answer), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* const resource = resources[i];
      const std::string_view name = rd_kafka_ConfigResource_name(resource);
      if (const auto code = rd_kafka_ConfigResource_error(resource); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        observer_.warn("describe", "the settings of topics could not be compared",
                       std::string(name) + ": " + rd_kafka_err2str(code));
        continue;
      }
      const auto plan = std::ranges::find(plans_, name, &topic_plan::name);
      if (plan == plans_.end()) continue;
      std::size_t entries = 0;
      const auto* const found = rd_kafka_ConfigResource_configs(resource, &entries);
      for (std::size_t e = 0; e < entries; ++e) compare(*plan, *found[e]);
    }
  }

  void compare(const topic_plan& plan, const rd_kafka_ConfigEntry_t& entry) {
    const std::string_view name = rd_kafka_ConfigEntry_name(&entry);
    const auto* const value = rd_kafka_ConfigEntry_value(&entry);
    const auto wanted = std::ranges::find(plan.settings, name, &std::pair<std::string, std::string>::first);
    if (wanted == plan.settings.end() || value == nullptr || wanted->second == value) return;
    const auto sentence = "its " + std::string(name) + " is " + value + " instead of " + wanted->second;
    const std::lock_guard lock(mutex_);
    append(other_settings_[plan.name], sentence);
    append(statuses_.at(plan.name).difference, sentence);
  }

  void report_differences() {
    for (const auto& status : this->status())
      if (!status.difference.empty())
        log::warning("kafka", "a topic differs from what is configured; it is used as it is",
                     {{"topic", status.name}, {"difference", status.difference}});
  }

  const client_settings settings_;
  const std::vector<topic_plan> plans_;
  const std::function<void()> ready_;
  const std::chrono::milliseconds look_later_;
  rd::observer observer_;
  rd::client_handle client_;
  rd::queue_handle main_;
  rd::queue_handle answers_;
  std::set<std::string> created_;  ///< by us: as planned
  std::atomic<bool> all_exist_{false};
  mutable std::mutex mutex_;
  std::condition_variable stop_signal_;
  bool stopping_ = false;
  std::map<std::string, topic_status> statuses_;
  std::map<std::string, std::string> other_settings_;  ///< by topic: found when settings were compared
  std::thread thread_;
};

topic_keeper::topic_keeper(client_settings settings, std::vector<topic_plan> plans, std::function<void()> ready,
                           std::shared_ptr<client_health> health, std::chrono::milliseconds look_later)
    : parts_(std::make_unique<parts>(std::move(settings), std::move(plans), std::move(ready), std::move(health),
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
