#include "actors/kafka/api/requester.hpp"

#include <atomic>
#include <mutex>

#include "actors/base/log.hpp"
#include "actors/kafka/api/requester_desk.hpp"
#include "actors/kafka/api/requester_key.hpp"
#include "actors/kafka/api/requester_values.hpp"
#include "actors/kafka/clients.hpp"
#include "actors/kafka/log_reader.hpp"
#include "actors/kafka/sender.hpp"
#include "actors/kafka/topics.hpp"
#include "actors/runtime/actor_base.hpp"
#include "actors/runtime/exit_gate.hpp"

namespace social::kafka {
namespace {

/// It is time to look at the deadlines.
struct requests_tick {};
using requests_actor = caf::typed_actor<caf::reacts_to<requests_tick>>;

}  // namespace
}  // namespace social::kafka

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::requests_tick)

namespace social::kafka {
namespace {

using domain::subscription::device_view;

constexpr auto tick_interval = std::chrono::milliseconds(100);
/// Whoever waited has been answered by then.
constexpr auto sender_stop_deadline = std::chrono::milliseconds(200);
/// An actor that never blocks ends at once; this only bounds a defect.
constexpr auto actor_stop_deadline = std::chrono::seconds(5);

/// Keeps the deadlines; owned by the requester. Never blocks, ends when told.
class deadlines_actor final : public runtime::instrumented<requests_actor::base> {
 public:
  using super = runtime::instrumented<requests_actor::base>;
  deadlines_actor(caf::actor_config& cfg, runtime::node_context& node, std::shared_ptr<request_desk> desk,
                  std::shared_ptr<void> ended)
      : super(cfg, node, {"requester", 1, 0, 0}), desk_(std::move(desk)), ended_(std::move(ended)) {}

  behavior_type make_behavior() override {
    delayed_send(this, tick_interval, requests_tick{});
    return {
        [this](requests_tick) {
          delayed_send(this, tick_interval, requests_tick{});
          desk_->expire();
        },
    };
  }
  void on_exit() override {
    super::on_exit();
    desk_.reset();
    ended_.reset();
  }

 protected:
  std::string state_json() const override { return R"({"waiting":)" + std::to_string(desk_->metrics().waiting) + "}"; }

 private:
  std::shared_ptr<request_desk> desk_;
  std::shared_ptr<void> ended_;
};

log_reader_options reader_options() {
  log_reader_options o;
  o.name = "replies";
  o.topics = {std::string(topic::subscription_response), std::string(topic::push_response)};
  o.start = log_reader_options::from::end;
  return o;
}

}  // namespace

class requester::parts {
 public:
  parts(runtime::node& node, client_settings settings, requester_options options, const ports::clock& clock,
        ports::random_source& random, std::shared_ptr<client_health> health)
      : node_(node),
        settings_(std::move(settings)),
        options_(std::move(options)),
        health_(std::move(health)),
        out_(node, {.name = "requests", .records_max = options_.requests_max},
             real_producer(settings_, requests_producer(options_.timeout_ms), health_)),
        desk_(std::make_shared<request_desk>(options_, clock, random, edges())),
        key_(std::make_shared<kept_key>(options_.public_key_ttl_ms, options_.requests_max, clock,
                                        [this](auto done) { ask_key(std::move(done)); })),
        actor_(node.system().spawn<deadlines_actor>(node.context(), desk_, ended_.ticket())) {}

  void open() {
    const std::lock_guard lock(mutex_);
    if (stopped_ || replies_) return;
    auto take = [desk = desk_](const std::vector<received>& records) {
      for (const auto& each : records) desk->take(each);
      return result<void>();
    };
    replies_ = std::make_unique<log_reader>(settings_, reader_options(), std::move(take), health_);
    reader_ = replies_.get();
  }

  void subscribe(protocol::subscribe_request request, const domain::command_context& context,
                 std::function<void(result<device_view>)> done) {
    auto question = question_to(topic::subscription_request, topic::subscription_response, request.user,
                                subscribe_value(request, context.idempotency));
    question.trace = context.trace;
    desk_->ask<device_view>(
        std::move(question),
        [asked = std::move(request)](const nlohmann::json& reply) { return read_subscription(reply, asked); },
        std::move(done));
  }

  void remove_device(const protocol::remove_device_request& request, const domain::command_context& context,
                     std::function<void(result<protocol::device_removed>)> done) {
    auto question = question_to(topic::push_request, topic::push_response, request.user,
                                remove_value(request, context.idempotency));
    question.trace = context.trace;
    desk_->ask<protocol::device_removed>(std::move(question), read_removed, std::move(done));
  }

  void push_key(std::function<void(result<protocol::push_key>)> done) { key_->get(std::move(done)); }

  [[nodiscard]] requester_metrics metrics() const {
    auto out = desk_->metrics();
    const auto sent = out_.metrics();
    out.unsent = sent.failed;
    out.restarts = sent.restarts;
    return out;
  }

  [[nodiscard]] std::string why_not_standing() const {
    if (reader_.load() == nullptr) return "the topics of Kafka are not there yet";
    if (!health_->look().connected) return "no broker of Kafka answers";
    if (!reader_.load()->stands()) return "replies of the push service are not read yet";
    return {};
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopped_, true)) return;
    }
    desk_->close();
    if (replies_) replies_->stop();
    out_.stop(sender_stop_deadline);
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    actor_ = nullptr;
    if (!node_.deterministic() && !ended_.wait(actor_stop_deadline))
      log::error("kafka", "the actor of requests did not end in time");
  }

 private:
  desk_edges edges() {
    return {.send = [this](record what, auto done) { out_.send(std::move(what), std::move(done)); },
            .stands = [this] { return why_not_standing().empty(); }};
  }

  /// `user` 0: the request concerns nobody, and has no key.
  [[nodiscard]] desk_request question_to(std::string_view where, std::string_view reply_topic, id_t user,
                                         std::string value) const {
    desk_request question;
    question.what.topic = where;
    if (user != 0) question.what.key = std::to_string(user);
    write_value(question.what, std::move(value), options_.formats);
    question.reply_topic = reply_topic;
    return question;
  }

  void ask_key(kept_key::completion done) {
    auto question = question_to(topic::push_request, topic::push_response, 0, ask_key_value());
    question.in_doubt = error_code::unavailable;
    desk_->ask<protocol::push_key>(std::move(question), read_push_key, std::move(done));
  }

  runtime::node& node_;
  const client_settings settings_;
  const requester_options options_;
  const std::shared_ptr<client_health> health_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::unique_ptr<log_reader> replies_;
  std::atomic<log_reader*> reader_{nullptr};  ///< of replies_, for threads that do not lock
  sender out_;
  const std::shared_ptr<request_desk> desk_;
  const std::shared_ptr<kept_key> key_;
  runtime::exit_gate ended_;
  requests_actor actor_;
};

requester::requester(runtime::node& node, client_settings settings, requester_options options,
                     const ports::clock& clock, ports::random_source& random, std::shared_ptr<client_health> health)
    : parts_(std::make_unique<parts>(node, std::move(settings), std::move(options), clock, random, std::move(health))) {
}

requester::~requester() {
  stop();
}

void requester::open() {
  parts_->open();
}

void requester::subscribe(protocol::subscribe_request request, const domain::command_context& context,
                          std::function<void(result<device_view>)> done) {
  parts_->subscribe(std::move(request), context, std::move(done));
}

void requester::remove_device(protocol::remove_device_request request, const domain::command_context& context,
                              std::function<void(result<protocol::device_removed>)> done) {
  parts_->remove_device(request, context, std::move(done));
}

void requester::push_key(std::function<void(result<protocol::push_key>)> done) {
  parts_->push_key(std::move(done));
}

requester_metrics requester::metrics() const {
  return parts_->metrics();
}

std::vector<protocol::readiness_check> requester::readiness() const {
  protocol::readiness_check check{"kafka.requests", true, false, {}};
  const auto why = parts_->why_not_standing();
  check.degraded = !why.empty();
  if (check.degraded) check.reason = "Devices can be neither subscribed nor removed: " + why;
  return {check};
}

void requester::stop() {
  parts_->stop();
}

}  // namespace social::kafka
