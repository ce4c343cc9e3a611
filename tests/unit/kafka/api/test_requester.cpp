// The requester on a mock cluster: threads, sockets, and whoever answers.
#include <mutex>

#include <nlohmann/json.hpp>

#include "actors/base/base64.hpp"
#include "actors/base/random.hpp"
#include "actors/kafka/api/requester.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mock_kafka.hpp"

namespace social::kafka {
namespace {

using domain::subscription::device_view;
using social::test::eventually;
using social::test::mock_kafka;

constexpr std::size_t partitions = 3;
const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct real_clock final : ports::clock {
  timestamp_t now() const override { return monotonic_us() / 1000; }
  std::int64_t monotonic_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};
struct real_random final : ports::random_source {
  std::uint64_t next_64() override { return random_64_bits(); }
};

/// What an asker was answered, from any thread.
template <class T>
class answer {
 public:
  std::function<void(result<T>)> taker() {
    return [kept = kept_](result<T> outcome) {
      const std::lock_guard lock(kept->mutex);
      kept->outcomes.push_back(std::move(outcome));
    };
  }
  [[nodiscard]] bool is_there() const {
    const std::lock_guard lock(kept_->mutex);
    return !kept_->outcomes.empty();
  }
  /// Waits for it. There is never a second one.
  result<T> get() const {
    REQUIRE(eventually([this] { return is_there(); }));
    const std::lock_guard lock(kept_->mutex);
    REQUIRE(kept_->outcomes.size() == 1);
    return kept_->outcomes.front();
  }

 private:
  struct box {
    std::mutex mutex;
    std::vector<result<T>> outcomes;
  };
  std::shared_ptr<box> kept_ = std::make_shared<box>();
};

requester_options patient_for(std::int64_t ms) {
  requester_options options;
  options.timeout_ms = ms;
  return options;
}

/// One api process.
struct asker {
  explicit asker(const mock_kafka& kafka, requester_options options = {})
      : under_test(node, kafka.settings(), std::move(options), clock, random, std::make_shared<client_health>()) {}

  void stand() {
    under_test.open();
    REQUIRE(eventually([this] { return !under_test.readiness().at(0).degraded; }));
  }
  answer<device_view> subscribe(id_t user = 65) {
    answer<device_view> out;
    domain::command_context context;
    context.trace = trace;
    under_test.subscribe({user, "https://push.example/" + std::to_string(user), "P", "A", "", "", "ko"}, context,
                         out.taker());
    return out;
  }
  answer<protocol::device_removed> remove(id_t user, std::uint64_t device) {
    answer<protocol::device_removed> out;
    under_test.remove_device({user, device}, {}, out.taker());
    return out;
  }
  answer<protocol::push_key> push_key() {
    answer<protocol::push_key> out;
    under_test.push_key(out.taker());
    return out;
  }

  runtime::node node{{.threads = 2}, [] { return timestamp_t{0}; }};
  real_clock clock;
  real_random random;
  requester under_test;
};

struct world {
  world() {
    for (const auto name :
         {topic::subscription_request, topic::subscription_response, topic::push_request, topic::push_response})
      kafka.create_topic(std::string(name), partitions);
  }
  std::vector<received> requests(std::string_view name, std::size_t at_least) {
    auto found = kafka.records(std::string(name), at_least);
    REQUIRE(found.size() >= at_least);
    return found;
  }
  /// As any push service would, on a partition of its choice.
  void reply(const received& to, std::string value, std::int32_t partition = 0) {
    record what;
    what.topic = *to.content.find("kafka_replyTopic");
    what.partition = partition;
    what.key = to.content.key;
    what.value = std::move(value);
    what.headers = {{"kafka_correlationId", *to.content.find("kafka_correlationId")}};
    kafka.put(what);
  }

  mock_kafka kafka;
};

std::string saved(std::uint64_t seq) {
  return R"({"createAt":"2020-09-13T12:26:40.123Z","seq":)" + std::to_string(seq) + "}";
}

}  // namespace

TEST_CASE("before the topics are there, nothing is sent and everything is refused at once", "[kafka][requester]") {
  world w;
  asker a(w.kafka);
  CHECK(a.subscribe().get().error().code == error_code::unavailable);
  CHECK(a.remove(65, 12).get().error().code == error_code::unavailable);
  const auto key = a.push_key().get();
  CHECK(key.error().code == error_code::unavailable);
  CHECK(key.error().retry_after_s > 0);
  const auto check = a.under_test.readiness().at(0);
  CHECK(check.name == "kafka.requests");
  CHECK(check.ok);
  CHECK(check.degraded);
  CHECK(check.reason.find("topics") != std::string::npos);
  CHECK(w.kafka.records(std::string(topic::subscription_request)).empty());
  CHECK(a.under_test.metrics().unavailable == 3);
}

TEST_CASE("each call becomes a record of the contract and is answered by its reply", "[kafka][requester]") {
  world w;
  asker a(w.kafka);
  a.stand();
  const auto device = a.subscribe();
  const auto subscription = w.requests(topic::subscription_request, 1).at(0);
  CHECK(subscription.content.key == "65");
  CHECK(*subscription.content.find("kafka_replyTopic") == topic::subscription_response);
  CHECK(subscription.content.find("kafka_correlationId")->size() == 16);
  CHECK(subscription.content.find("kafka_replyPartition") == nullptr);
  CHECK(*subscription.content.find("content-type") == "application/json");
  CHECK(*subscription.content.find("traceparent") == trace);
  CHECK(subscription.content.value ==
        R"({"userId":65,"notificationEndPoint":"https://push.example/65","publicKey":"P","auth":"A",)"
        R"("acceptLanguage":"ko"})");
  w.reply(subscription, saved(12), 2);
  CHECK(device.get()->seq == 12);
  CHECK(device.get()->user_id == 65);

  const auto removed = a.remove(65, 12);
  const auto removal = w.requests(topic::push_request, 1).at(0);
  CHECK(removal.content.key == "65");
  CHECK(*removal.content.find("kafka_replyTopic") == topic::push_response);
  CHECK(removal.content.value == R"({"kind":"remove","userId":65,"id":12})");
  w.reply(removal, R"({"kind":"remove","userId":65,"id":12,"removed":true})", 1);
  CHECK(removed.get());

  const auto gone = a.remove(66, 13);
  for (const auto& each : w.requests(topic::push_request, 2))
    if (each.content.key == "66") w.reply(each, error_value(error_code::subscription_not_found));
  CHECK(gone.get().error().code == error_code::subscription_not_found);
  CHECK(a.under_test.metrics().replies == 3);
}

TEST_CASE("the key is asked for once for all who want it, and kept", "[kafka][requester]") {
  world w;
  asker a(w.kafka);
  a.stand();
  const auto first = a.push_key();
  const auto second = a.push_key();
  const auto request = w.requests(topic::push_request, 1).at(0);
  CHECK_FALSE(request.content.key.has_value());
  CHECK(request.content.value == R"({"kind":"public-key"})");
  const auto text = base64url_encode("\x04" + std::string(64, 'k'));
  w.reply(request, R"({"keyId":"k1","publicKey":")" + text + R"("})");
  CHECK(first.get()->public_key == text);
  CHECK(second.get()->key_id == "k1");
  CHECK(a.push_key().get()->key_id == "k1");
  CHECK(w.kafka.records(std::string(topic::push_request)).size() == 1);
}

TEST_CASE("several processes share one reply topic and each hears its own", "[kafka][requester]") {
  world w;
  asker one(w.kafka);
  asker two(w.kafka);
  one.stand();
  two.stand();
  const auto of_one = one.subscribe(65);
  const auto of_two = two.subscribe(66);
  std::int32_t partition = 0;
  for (const auto& each : w.requests(topic::subscription_request, 2))
    w.reply(each, saved(std::stoull(*each.content.key) + 1000), partition++);
  CHECK(of_one.get()->seq == 1065);
  CHECK(of_two.get()->seq == 1066);
  CHECK(eventually([&] { return one.under_test.metrics().unmatched == 1 && two.under_test.metrics().unmatched == 1; }));
}

TEST_CASE("without a reply the outcome is unknown; for the key nothing happened", "[kafka][requester]") {
  world w;
  asker a(w.kafka, patient_for(300));
  a.stand();
  const auto device = a.subscribe();
  const auto key = a.push_key();
  CHECK(device.get().error().code == error_code::outcome_unknown);
  CHECK(key.get().error().code == error_code::unavailable);
  CHECK(a.under_test.metrics().timeouts == 2);
  // The late reply is nobody's.
  w.reply(w.requests(topic::subscription_request, 1).at(0), saved(12));
  CHECK(eventually([&] { return a.under_test.metrics().unmatched == 1; }));
}

TEST_CASE("replies from before the reader stood are not taken for later ones", "[kafka][requester]") {
  world w;
  record old;
  old.topic = topic::push_response;
  old.partition = 1;
  old.value = "{}";
  w.kafka.put(old);
  asker a(w.kafka);
  a.stand();
  const auto removed = a.remove(65, 12);
  w.reply(w.requests(topic::push_request, 1).at(0), R"({"removed":true})");
  CHECK(removed.get());
  CHECK(a.under_test.metrics().unmatched == 0);
}

TEST_CASE("while the brokers are away calls are refused at once, and served when they are back", "[kafka][requester]") {
  world w;
  asker a(w.kafka, patient_for(4'000));
  a.stand();
  w.kafka.down();
  // Seen by nobody before somebody speaks: whoever asks in that moment waits for his time-out.
  REQUIRE(eventually([&] { return a.subscribe().get().error().code == error_code::unavailable; }));
  const auto before = std::chrono::steady_clock::now();
  CHECK(a.remove(65, 12).get().error().code == error_code::unavailable);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(900));
  CHECK(a.under_test.readiness().at(0).degraded);
  w.kafka.up();
  a.stand();
  const auto removed = a.remove(65, 12);
  w.reply(w.requests(topic::push_request, 1).back(), R"({"removed":true})");
  CHECK(removed.get());
}

TEST_CASE("the end answers who waits and refuses who comes", "[kafka][requester]") {
  world w;
  asker a(w.kafka);
  a.stand();
  const auto device = a.subscribe();
  const auto key = a.push_key();
  a.under_test.stop();
  CHECK(device.get().error().code == error_code::outcome_unknown);
  CHECK(key.get().error().code == error_code::shutting_down);
  CHECK(a.subscribe().get().error().code == error_code::shutting_down);
  a.under_test.open();
  a.under_test.stop();
  CHECK(a.push_key().get().error().code == error_code::shutting_down);
}

}  // namespace social::kafka
