#include <deque>

#include <nlohmann/json.hpp>

#include "actors/kafka/push/responder.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

using domain::subscription::device_view;
const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string endpoint = "https://push.example/secret";
constexpr auto good_subscription =
    R"({"userId":65,"notificationEndPoint":"https://push.example/secret","publicKey":"p","auth":"a"})";
constexpr auto remove_12 = R"({"kind":"remove","userId":65,"id":12})";

struct standing_clock final : ports::clock {
  timestamp_t now() const override { return 1'700'000'000'000; }
  std::int64_t monotonic_us() const override { return 1; }
};

/// A push role and a sender that answer when the test says so.
struct fixture {
  struct asked {
    protocol::subscribe_request request;
    domain::command_context context;
    std::function<void(result<device_view>)> done;
  };
  struct removal {
    protocol::remove_device_request request;
    domain::command_context context;
    std::function<void(result<protocol::device_removed>)> done;
  };
  struct reply {
    record what;
    std::function<void(result<placed>)> done;
  };

  explicit fixture(topic_formats formats = {}) {
    push_service service;
    service.subscribe = [this](auto request, auto context, auto done) {
      subscriptions.push_back({std::move(request), std::move(context), std::move(done)});
    };
    service.remove_device = [this](auto request, auto context, auto done) {
      removals.push_back({request, std::move(context), std::move(done)});
    };
    service.push_key = [this] { return key; };
    under_test = std::make_unique<responder>(
        std::move(service), [this](record what, auto done) { replies.push_back({std::move(what), std::move(done)}); },
        std::move(formats), responder_options{.clock = &clock});
  }

  static received request(std::string_view topic, std::optional<std::string> value) {
    received r;
    r.content.topic = topic;
    r.content.key = "65";
    r.content.value = std::move(value);
    r.content.headers = {
        {"kafka_correlationId", std::string("\0\xff", 2)}, {"kafka_replyTopic", "answers"}, {"traceparent", trace}};
    r.time = standing_clock().now();
    return r;
  }
  void serve(const received& r) {
    under_test->serve(r, [this](const result<void>& outcome) { finished.push_back(outcome); });
  }
  void serve(std::string_view topic, std::optional<std::string> value) { serve(request(topic, std::move(value))); }
  /// The one reply, acknowledged.
  record replied() {
    REQUIRE(replies.size() == 1);
    auto out = std::move(replies.front());
    replies.pop_front();
    out.done(placed{0, 1});
    return out.what;
  }
  /// `error.code` of the one reply; its headers say the same.
  nlohmann::json refused() {
    const auto what = replied();
    auto why = nlohmann::json::parse(what.value.value()).at("error");
    REQUIRE(what.find("x-error-code") != nullptr);
    CHECK(*what.find("x-error-code") == why.at("code").get<std::string>());
    CHECK(*what.find("x-error-message") == why.at("message").get<std::string>());
    return why;
  }
  [[nodiscard]] bool done_well() const { return finished.size() == 1 && finished.front().has_value(); }

  standing_clock clock;
  std::vector<result<void>> finished;  ///< outlives what is still open and answers at the end
  std::deque<asked> subscriptions;
  std::deque<removal> removals;
  std::deque<reply> replies;
  result<protocol::push_key> key = protocol::push_key{"BKey", "k1"};
  std::unique_ptr<responder> under_test;
};

}  // namespace

TEST_CASE("a subscription is handed to the push role and its reply says what was saved", "[kafka][responder]") {
  fixture f;
  f.serve(topic::subscription_request, good_subscription);
  REQUIRE(f.subscriptions.size() == 1);
  CHECK(f.subscriptions[0].request.user == 65);
  CHECK(f.subscriptions[0].request.endpoint == endpoint);
  CHECK(f.subscriptions[0].context.trace == trace);
  CHECK(f.replies.empty());
  f.subscriptions[0].done(device_view{12, 65, endpoint, "ko", 1'600'000'000'123});
  CHECK(f.finished.empty());  // the reply is not acknowledged yet
  const auto reply = f.replied();
  CHECK(reply.topic == "answers");
  CHECK(reply.partition == -1);
  CHECK(reply.key == "65");
  CHECK(nlohmann::json::parse(*reply.value).at("seq") == 12);
  CHECK(reply.headers == std::vector<header>{{"kafka_correlationId", std::string("\0\xff", 2)},
                                             {"content-type", "application/json"},
                                             {"traceparent", trace}});
  CHECK(f.done_well());
  CHECK(f.under_test->metrics().requests == 1);
  CHECK(f.under_test->metrics().refused == 0);
}

TEST_CASE("a refused subscription is answered with its fields, in the words that were used", "[kafka][responder]") {
  fixture f;
  f.serve(topic::subscription_request, R"({"userId":65,"endpoint":"e","keys":{"p256dh":"p","auth":"a"}})");
  error judged(error_code::invalid_input);
  judged.fields = {{"notificationEndPoint", "must be https"}};
  f.subscriptions.at(0).done(judged);
  const auto why = f.refused();
  CHECK(why.at("code") == "invalid_input");
  CHECK(why.at("status") == 400);
  CHECK(why.at("fields").dump() == R"([{"field":"endpoint","reason":"must be https"}])");
  CHECK(f.done_well());
  CHECK(f.under_test->metrics().refused == 1);
}

TEST_CASE("a request that cannot be read is answered, too", "[kafka][responder]") {
  for (const auto name : {topic::subscription_request, topic::push_request}) {
    for (const std::optional<std::string>& value : {std::optional<std::string>(), std::optional<std::string>("[1]"),
                                                    std::optional<std::string>("{"), std::optional<std::string>("")}) {
      fixture f;
      f.serve(name, value);
      CHECK(f.refused().at("code") == "malformed_json");
      CHECK(f.done_well());
    }
  }
  fixture f;
  f.serve(topic::subscription_request, "{}");
  CHECK(f.refused().at("fields").size() == 4);
  f.serve(topic::push_request, R"({"kind":"dance"})");
  CHECK(f.refused().at("fields").at(0).at("field") == "kind");
  CHECK(f.subscriptions.empty());
}

TEST_CASE("the key and removals are answered", "[kafka][responder]") {
  fixture f;
  f.serve(topic::push_request, R"({"kind":"public-key"})");
  CHECK(f.replied().value == R"({"kind":"public-key","publicKey":"BKey","keyId":"k1"})");
  f.key = error{error_code::unavailable, "push.mode console has no key"};
  f.serve(topic::push_request, R"({"kind":"public-key"})");
  CHECK(f.refused().at("message") == "push.mode console has no key");

  f.serve(topic::push_request, remove_12);
  CHECK(f.removals.at(0).request.device == 12);
  CHECK(f.removals.at(0).context.trace == trace);
  f.removals.at(0).done(protocol::device_removed{});
  CHECK(f.replied().value == R"({"kind":"remove","userId":65,"id":12,"removed":true})");
  f.serve(topic::push_request, remove_12);
  f.removals.at(1).done(error_code::subscription_not_found);
  const auto why = f.refused();
  CHECK(why.at("code") == "subscription_not_found");
  CHECK(why.at("status") == 404);
  CHECK(f.finished.size() == 4);
}

TEST_CASE("a reply keeps what the request brought, byte for byte", "[kafka][responder]") {
  fixture f;
  auto r = fixture::request(topic::push_request, R"({"kind":"public-key"})");
  r.content.key.reset();
  r.content.headers = {
      {"kafka_correlationId", "first"}, {"kafka_replyTopic", "first"},
      {"x-other", "is not carried on"}, {"kafka_correlationId", "a text of any length, 한글, even this long"},
      {"kafka_replyTopic", "last"},     {"kafka_replyPartition", std::string("\0\0\0\x02", 4)}};
  f.serve(r);
  const auto reply = f.replied();
  CHECK(reply.topic == "last");
  CHECK(reply.partition == 2);
  CHECK_FALSE(reply.key.has_value());
  CHECK(reply.headers == std::vector<header>{{"kafka_correlationId", "a text of any length, 한글, even this long"},
                                             {"content-type", "application/json"}});

  r.content.key = std::string("\0key", 4);
  r.content.headers = {{"kafka_replyTopic", "answers"}};
  f.serve(r);
  const auto second = f.replied();
  CHECK(second.key == std::string("\0key", 4));
  CHECK(second.find("kafka_correlationId") == nullptr);
}

TEST_CASE("replies are written as their topic wants them, errors too", "[kafka][responder]") {
  fixture f({{"answers", {value_codec::json_string, "java.lang.String"}}});
  f.serve(topic::push_request, R"("{\"kind\":\"public-key\"}")");
  const auto reply = f.replied();
  CHECK(reply.value == R"("{\"kind\":\"public-key\",\"publicKey\":\"BKey\",\"keyId\":\"k1\"}")");
  CHECK(*reply.find("__TypeId__") == "java.lang.String");
  f.serve(topic::push_request, "{}");
  CHECK(read_value(f.replied().value)->contains("error"));
}

TEST_CASE("without a reply topic a request is served and not answered", "[kafka][responder]") {
  fixture f;
  auto r = fixture::request(topic::subscription_request, good_subscription);
  r.content.headers.clear();
  f.serve(r);
  f.subscriptions.at(0).done(device_view{12, 65, endpoint, "ko", 1});
  CHECK(f.done_well());
  CHECK(f.replies.empty());
  CHECK(f.under_test->metrics().unanswered == 1);
  CHECK(f.under_test->metrics().forbidden == 0);
}

TEST_CASE("a reply topic that replies would damage is not written to, and a line says so once", "[kafka][responder]") {
  test::captured_log lines;
  fixture f;
  for (const auto* name : {"v1.push.subscription", "v1.push.request", "v1.event.comment-created", "x-dlt"}) {
    auto r = fixture::request(topic::push_request, R"({"kind":"public-key"})");
    r.content.headers.push_back({"kafka_replyTopic", name});
    f.serve(r);
  }
  CHECK(f.replies.empty());
  CHECK(f.finished.size() == 4);
  CHECK(f.under_test->metrics().forbidden == 4);
  CHECK(f.under_test->metrics().unanswered == 4);
  CHECK(lines.count(log::level::warning, "would do harm") == 1);
}

TEST_CASE("failures of ours are told to whoever asked", "[kafka][responder]") {
  for (const auto code :
       {error_code::overloaded, error_code::store_unavailable, error_code::unavailable, error_code::outcome_unknown}) {
    fixture f;
    f.serve(topic::subscription_request, good_subscription);
    f.subscriptions.at(0).done(error{code});
    CHECK(f.refused().at("code") == describe(code).word);
    CHECK(f.done_well());
  }
}

TEST_CASE("what went wrong inside of us is logged and not told", "[kafka][responder]") {
  test::captured_log lines;
  fixture f;
  f.serve(topic::subscription_request, good_subscription);
  f.subscriptions.at(0).done(error{error_code::io_error, "/var/lib/social: no space left"});
  const auto why = f.refused();
  CHECK(why.at("code") == "internal");
  CHECK(why.at("message") == "Internal error");
  CHECK(lines.count(log::level::warning, "a request failed for a reason of ours") == 1);
}

TEST_CASE("what nobody can be told of comes again, unless that is of no use", "[kafka][responder]") {
  const auto outcome = [](error_code code, const char* reply_topic) {
    fixture f;
    auto r = fixture::request(topic::subscription_request, good_subscription);
    r.content.headers = {{"kafka_replyTopic", reply_topic}};
    f.serve(r);
    f.subscriptions.at(0).done(error{code});
    REQUIRE(f.finished.size() == 1);
    return f.finished[0] ? std::string("finished") : std::string(describe(f.finished[0].error().code).word);
  };
  for (const auto* nowhere : {"", "v1.push.request"}) {
    CHECK(outcome(error_code::store_unavailable, nowhere) == "store_unavailable");
    CHECK(outcome(error_code::overloaded, nowhere) == "overloaded");
    CHECK(outcome(error_code::outcome_unknown, nowhere) == "outcome_unknown");
    CHECK(outcome(error_code::io_error, nowhere) == "io_error");
    CHECK(outcome(error_code::subscription_not_found, nowhere) == "finished");
    CHECK(outcome(error_code::internal, nowhere) == "finished");
    CHECK(outcome(error_code::corrupt_record, nowhere) == "finished");
  }
}

TEST_CASE("a wrong request that nobody can be told of is poison", "[kafka][responder]") {
  const auto [name, value, word] = GENERATE(table<std::string_view, std::optional<std::string>, std::string_view>(
      {{topic::subscription_request, "{", "malformed_json"},
       {topic::subscription_request, std::nullopt, "malformed_json"},
       {topic::subscription_request, "{}", "invalid_input"},
       {topic::push_request, R"({"kind":"dance"})", "invalid_input"}}));
  const auto nowhere = GENERATE(as<std::string>{}, "", "v1.push.request");
  const bool is_old = GENERATE(false, true);
  fixture f;
  auto r = fixture::request(name, value);
  r.content.headers = {{"kafka_replyTopic", nowhere}};
  if (is_old && word == "malformed_json") r.time -= 3'600'001;  // that it cannot be read does not depend on its age
  f.serve(r);
  CHECK(f.replies.empty());
  REQUIRE(f.finished.size() == 1);
  REQUIRE(!f.finished[0]);
  CHECK(describe(f.finished[0].error().code).word == word);
  CHECK(is_poison(f.finished[0].error()));
  CHECK(f.under_test->metrics().refused == 1);
  CHECK(f.under_test->metrics().unanswered == 0);  // it is aside
}

TEST_CASE("what the push role judges as against the rules is poison, too, where nobody can be told",
          "[kafka][responder]") {
  fixture f;
  auto r = fixture::request(topic::subscription_request, good_subscription);
  r.content.headers.clear();
  f.serve(r);
  f.subscriptions.at(0).done(error{error_code::invalid_input, "no such origin"});
  REQUIRE(f.finished.size() == 1);
  REQUIRE(!f.finished[0]);
  CHECK(is_poison(f.finished[0].error()));
}

TEST_CASE("what the end cuts off is left for the next process, unanswered", "[kafka][responder]") {
  fixture f;
  f.serve(topic::subscription_request, good_subscription);
  f.subscriptions.at(0).done(error_code::shutting_down);
  CHECK(f.replies.empty());
  REQUIRE(f.finished.size() == 1);
  CHECK(f.finished[0].error().code == error_code::shutting_down);

  f.serve(topic::push_request, R"({"kind":"public-key"})");
  f.replies.at(0).done(error{error_code::shutting_down});
  CHECK(f.finished.at(1).error().code == error_code::shutting_down);
  CHECK(f.under_test->metrics().refused == 0);
}

TEST_CASE("a push role that forgets a request has it come again", "[kafka][responder]") {
  fixture f;
  f.serve(topic::subscription_request, good_subscription);
  f.subscriptions.clear();
  REQUIRE(f.finished.size() == 1);
  CHECK(f.finished[0].error().code == error_code::outcome_unknown);
}

TEST_CASE("a reply that cannot be sent does not hold up its partition", "[kafka][responder]") {
  test::captured_log lines;
  fixture f;
  for (const auto code :
       {error_code::unavailable, error_code::outcome_unknown, error_code::invalid_input, error_code::overloaded}) {
    f.serve(topic::push_request, R"({"kind":"public-key"})");
    f.replies.back().done(error{code});
  }
  REQUIRE(f.finished.size() == 4);
  for (const auto& outcome : f.finished) CHECK(outcome.has_value());
  CHECK(f.under_test->metrics().reply_failures == 4);
  CHECK(lines.count(log::level::warning, "a reply could not be sent") == 1);
}

TEST_CASE("a request that lay longer than requests are kept is not served", "[kafka][responder]") {
  fixture f;
  auto r = fixture::request(topic::subscription_request, good_subscription);
  r.time -= 3'600'000;
  f.serve(r);
  CHECK(f.subscriptions.size() == 1);
  r.time -= 1;
  f.serve(r);
  CHECK(f.subscriptions.size() == 1);
  CHECK(f.refused().at("code") == "request_timeout");
  r.time = 0;  // its producer gave none
  f.serve(r);
  CHECK(f.subscriptions.size() == 2);
}

TEST_CASE("answers that come after the responder's end are sent nevertheless", "[kafka][responder]") {
  fixture f;
  f.serve(topic::subscription_request, good_subscription);
  f.under_test.reset();
  f.subscriptions.at(0).done(device_view{12, 65, endpoint, "ko", 1});
  CHECK(f.replied().topic == "answers");
  CHECK(f.done_well());
}

}  // namespace social::kafka
