#include "actors/kafka/producer.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <deque>
#include <unordered_map>

#include "actors/base/log.hpp"
#include "actors/kafka/client_config.hpp"

namespace social::kafka {
namespace {

/// A foreign requester names the topic of its reply; librdkafka keeps every topic it has ever seen.
constexpr std::size_t topics_max = 1'000;

/// What one life leaves to the next.
struct heritage {
  /// The broker refused a batch as too large. Which of its records is to blame shows only when they travel alone.
  std::atomic<bool> one_by_one{false};
  std::atomic<bool> made{false};  ///< there was a life before
};

/// For the table of subscriptions: all versions of an endpoint share a partition. Runs on any thread of librdkafka.
std::int32_t partition_by_prefix(const rd_kafka_topic_t* topic, const void* key, std::size_t size,
                                 std::int32_t partitions, void* topic_opaque, void* message_opaque) {
  const std::string_view whole(static_cast<const char*>(key), key == nullptr ? 0 : size);
  const auto prefix = whole.substr(0, whole.find('/'));
  return rd_kafka_msg_partitioner_murmur2(topic, prefix.data(), prefix.size(), partitions, topic_opaque,
                                          message_opaque);
}

class librdkafka_producer;

/// What librdkafka's callbacks are handed. They run where the client's main queue is served: on the owner's thread, in
/// `serve` and `flush`. Made before the client is, so that it can be named in its configuration.
struct callback_target {
  librdkafka_producer* owner = nullptr;
};

/// Reports come by callback and not as events: a record is freed while what its report says is still in the processor's
/// cache, and not with all others of its event.
class librdkafka_producer final : public producer {
 public:
  librdkafka_producer(rd::client_handle client, std::unique_ptr<callback_target> target, std::string name,
                      bool one_by_one, std::shared_ptr<client_health> health, std::shared_ptr<heritage> after_us,
                      std::function<void()> wake)
      : target_(std::move(target)),
        client_(std::move(client)),
        queue_(rd_kafka_queue_get_main(client_.get())),
        log_lines_(rd_kafka_queue_new(client_.get())),
        observer_(std::move(name), std::move(health)),
        one_by_one_(one_by_one),
        after_us_(std::move(after_us)),
        wake_(std::move(wake)) {
    target_->owner = this;
    // Not through the main queue: its callback could be called while the client ends in the background.
    rd_kafka_set_log_queue(client_.get(), log_lines_.get());
    for (auto* queue : {queue_.get(), log_lines_.get()})
      rd_kafka_queue_cb_event_enable(
          queue, [](rd_kafka_t*, void* self) { static_cast<librdkafka_producer*>(self)->wake_(); }, this);
    wake_();  // for what came before
  }

  /// Nothing runs on librdkafka's threads any more when the first lines are done. Records that were not sent are thrown
  /// away first, so that the client does not complain about them.
  ~librdkafka_producer() override {
    rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
    rd_kafka_queue_cb_event_enable(log_lines_.get(), nullptr, nullptr);
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    topics_.clear();
    queue_.reset();
    log_lines_.reset();
    client_.reset();
  }

  taken push(const record& what, std::uint64_t token) override {
    rd_kafka_topic_t* topic = topic_of(what.topic);
    if (topic == nullptr) return taken::rejected;
    rd::headers_handle headers;
    if (!what.headers.empty()) {
      headers.reset(rd_kafka_headers_new(what.headers.size()));
      for (const auto& [name, value] : what.headers)
        rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                            value ? value->data() : nullptr, value ? static_cast<ssize_t>(value->size()) : 0);
    }
    const rd::error_handle failure(produce(topic, what, headers.get(), token));
    if (failure == nullptr) {
      // They are the record's now.
      static_cast<void>(headers.release());  // NOLINT(bugprone-unused-return-value)
      ++unreported_;
      return taken::queued;
    }
    return refused(what, token, *failure);
  }

  [[nodiscard]] error why_rejected() const override { return why_rejected_; }

  void collect(std::vector<delivery_report>& out, std::size_t max) override {
    if (max == 0) return;
    const auto end = out.size() + max;
    for (; !early_.empty() && out.size() < end; early_.pop_front()) out.push_back(std::move(early_.front()));
    if (out.size() < end) {
      out.reserve(end);
      out_ = {&out, end};
      serve();
      out_ = {};
    }
    // librdkafka signals what comes, not what was left lying.
    if (out.size() == end) wake_();
  }

  [[nodiscard]] std::optional<error> fatal() const override {
    if (own_fatal_) return own_fatal_;
    std::array<char, 512> why{};
    if (rd_kafka_fatal_error(client_.get(), why.data(), why.size()) == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
    return error(error_code::unavailable, "the Kafka producer cannot go on: " + std::string(why.data()));
  }

  bool flush(std::int64_t deadline_ms) override {
    const auto deadline = rd::now_ms() + deadline_ms;
    delivered_ = false;
    do rd_kafka_flush(client_.get(), rd::left_ms(deadline));  // meanwhile nothing lingers
    while (unreported_ > 0 && rd::left_ms(deadline) > 0);
    note_what_else_came();
    if (!early_.empty()) wake_();
    return unreported_ == 0;
  }

  // --- Called by librdkafka, within `serve` and `flush`

  void on_report(const rd_kafka_message_t& message) {
    --unreported_;
    delivered_ = delivered_ || message.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    const auto token = std::bit_cast<std::uintptr_t>(message._private);
    if (out_.reports == nullptr) {
      early_.push_back({token, outcome_of(message)});
      return;
    }
    // Nearly all of them: nothing is made that has to be moved.
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.offset >= 0)
      out_.reports->emplace_back(token, placed{message.partition, message.offset});
    else
      out_.reports->emplace_back(token, outcome_of(message));
    if (out_.reports->size() == out_.end) rd_kafka_yield(client_.get());
  }

  void on_error(rd_kafka_resp_err_t code, const char* text) { observer_.on_error(code, text); }

 private:
  /// Hands over what has come: reports, errors, log lines.
  void serve() {
    delivered_ = false;
    rd_kafka_queue_poll_callback(queue_.get(), 0);
    note_what_else_came();
  }

  void note_what_else_came() {
    if (delivered_) observer_.answered();
    while (const rd::event_handle line{rd_kafka_queue_poll(log_lines_.get(), 0)}) observer_.serve(*line);
  }

  rd_kafka_topic_t* topic_of(const std::string& name) {
    if (const auto found = topics_.find(name); found != topics_.end()) return found->second.get();
    if (!rd::is_topic_name(name)) return reject("'" + name.substr(0, 300) + "' is no name of a topic");
    if (topics_.size() >= topics_max) return reject("records for too many topics were sent to accept another one");
    rd::topic_handle made(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    if (made == nullptr) return reject(rd_kafka_err2str(rd_kafka_last_error()));
    return topics_.emplace(name, std::move(made)).first->second.get();
  }

  rd_kafka_topic_t* reject(std::string why) {
    why_rejected_ = error(error_code::invalid_input, std::move(why));
    return nullptr;
  }

  rd_kafka_error_t* produce(rd_kafka_topic_t* topic, const record& what, rd_kafka_headers_t* headers,
                            std::uint64_t token) {
    std::array<rd_kafka_vu_t, 7> parts{};
    auto* next = parts.data();
    const auto add = [&](rd_kafka_vtype_t type) -> auto& {
      next->vtype = type;
      return (next++)->u;
    };
    const auto add_bytes = [&](rd_kafka_vtype_t type, const std::optional<std::string>& bytes) {
      auto& memory = add(type).mem;
      memory.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr;
      memory.size = bytes ? bytes->size() : 0;
    };
    add(RD_KAFKA_VTYPE_RKT).rkt = topic;
    add(RD_KAFKA_VTYPE_PARTITION).i32 = what.partition < 0 ? RD_KAFKA_PARTITION_UA : what.partition;
    add(RD_KAFKA_VTYPE_MSGFLAGS).i = RD_KAFKA_MSG_F_COPY;
    add(RD_KAFKA_VTYPE_OPAQUE).ptr = std::bit_cast<void*>(static_cast<std::uintptr_t>(token));
    add_bytes(RD_KAFKA_VTYPE_KEY, what.key);
    add_bytes(RD_KAFKA_VTYPE_VALUE, what.value);
    if (headers != nullptr) add(RD_KAFKA_VTYPE_HEADERS).headers = headers;
    return rd_kafka_produceva(client_.get(), parts.data(), static_cast<std::size_t>(next - parts.data()));
  }

  /// What is the record's own fault is rejected. What is not comes as a report, like every other failure.
  taken refused(const record& what, std::uint64_t token, const rd_kafka_error_t& failure) {
    const auto code = rd_kafka_error_code(&failure);
    switch (code) {
      case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return taken::full;
      case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        reject("the record is larger than message.max.bytes");
        return taken::rejected;
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        if (what.partition >= 0) {
          reject("the topic " + what.topic + " has no partition " + std::to_string(what.partition));
          return taken::rejected;
        }
        break;
      default:
        break;
    }
    early_.push_back({token, error(error_code::unavailable, rd_kafka_error_string(&failure))});
    wake_();
    return taken::queued;
  }

  result<placed> outcome_of(const rd_kafka_message_t& message) {
    switch (message.err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        if (message.offset >= 0) return placed{message.partition, message.offset};
        return error(error_code::outcome_unknown, "that a record for " + std::string(rd_kafka_topic_name(message.rkt)) +
                                                      " was stored was only inferred from what came after it");
      case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return failed(error_code::invalid_input, message);
      case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return too_large(message);
      default:
        break;
    }
    const bool maybe_sent = rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED ||
                            message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    return failed(maybe_sent ? error_code::outcome_unknown : error_code::unavailable, message);
  }

  static error failed(error_code code, const rd_kafka_message_t& message) {
    return {code, "a record for " + std::string(rd_kafka_topic_name(message.rkt)) +
                      " was not acknowledged: " + rd_kafka_err2str(message.err)};
  }

  /// The limit of a topic counts for a whole batch. Only a record that travelled alone is too large itself.
  error too_large(const rd_kafka_message_t& message) {
    if (one_by_one_) return failed(error_code::invalid_input, message);
    if (!own_fatal_) {
      after_us_->one_by_one = true;
      own_fatal_ = failed(error_code::unavailable, message);
      log::warning("kafka",
                   "a batch is larger than the broker's max.message.bytes; from now on records are sent one by one, "
                   "which is slower: raise it, or lower batch.size",
                   {{"client", observer_.client()}, {"topic", rd_kafka_topic_name(message.rkt)}});
    }
    return failed(error_code::unavailable, message);
  }

  /// Where reports go while they are collected, and the size at which no more are taken.
  struct destination {
    std::vector<delivery_report>* reports = nullptr;
    std::size_t end = 0;
  };

  const std::unique_ptr<callback_target> target_;  // outlives the client
  rd::client_handle client_;
  rd::queue_handle queue_;
  rd::queue_handle log_lines_;
  rd::observer observer_;
  const bool one_by_one_;
  const std::shared_ptr<heritage> after_us_;
  const std::function<void()> wake_;
  std::unordered_map<std::string, rd::topic_handle> topics_;
  destination out_;
  std::deque<delivery_report> early_;  ///< of records that librdkafka did not queue, and what came while flushing
  std::size_t unreported_ = 0;         ///< records that librdkafka queued and has not reported
  bool delivered_ = false;
  error why_rejected_;
  std::optional<error> own_fatal_;
};

void call_back(rd_kafka_conf_t* conf, callback_target& target) {
  rd_kafka_conf_set_opaque(conf, &target);
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* to) noexcept {
    static_cast<callback_target*>(to)->owner->on_report(*message);
  });
  rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int code, const char* text, void* to) noexcept {
    static_cast<callback_target*>(to)->owner->on_error(static_cast<rd_kafka_resp_err_t>(code), text);
  });
}

}  // namespace

result<rd::conf_handle> rd::make_producer_conf(const client_settings& settings, const producer_options& options,
                                               bool one_by_one) {
  const std::vector<rd::setting> defaults = {{"linger.ms", std::to_string(options.linger_ms)},
                                             {"compression.type", options.compression}};
  std::vector<rd::setting> fixed = {
      {"enable.idempotence", "true"},
      // With more, a batch that is refused at first (a leader that has just learned of its partition, too few replicas)
      // can be overtaken by the next one: to a producer that a broker does not know yet it allows any first sequence.
      // librdkafka then takes the first batch for stored, too, and it is lost.
      {"max.in.flight.requests.per.connection", "1"},
      {"acks", "all"},
      {"partitioner", "murmur2_random"},
      {"message.timeout.ms", std::to_string(options.message_timeout_ms)},
      {"queue.buffering.max.messages", std::to_string(options.queue_records_max)},
      {"queue.buffering.max.kbytes", std::to_string(options.queue_bytes_max / 1024 + 1)},
      {"allow.auto.create.topics", "false"},
  };
  // Without a time limit nobody gives up on a record, so one that is given up ends this life: what lies behind it would
  // overtake it.
  if (options.message_timeout_ms == 0) fixed.emplace_back("enable.gapless.guarantee", "true");
  if (one_by_one) fixed.emplace_back("batch.num.messages", "1");
  auto conf = rd::make_conf(settings, defaults, fixed);
  if (conf && options.partition_by_key_prefix)
    rd_kafka_topic_conf_set_partitioner_cb(rd_kafka_conf_get_default_topic_conf(conf->get()), partition_by_prefix);
  return conf;
}

producer_factory real_producer(client_settings settings, producer_options options,
                               std::shared_ptr<client_health> health) {
  return [settings = std::move(settings), options = std::move(options), health = std::move(health),
          shared = std::make_shared<heritage>()](std::function<void()> wake) -> result<std::unique_ptr<producer>> {
    const bool one_by_one = shared->one_by_one;
    auto conf = rd::make_producer_conf(settings, options, one_by_one);
    if (!conf) return conf.error();
    auto target = std::make_unique<callback_target>();
    call_back(conf->get(), *target);
    auto client = rd::make_client(RD_KAFKA_PRODUCER, std::move(*conf), settings, rd::log_lines::kept);
    if (!client) return client.error();
    if (shared->made.exchange(true)) health->restarted();
    return std::make_unique<librdkafka_producer>(std::move(*client), std::move(target), options.name, one_by_one,
                                                 health, shared, std::move(wake));
  };
}

}  // namespace social::kafka
