#include <set>

#include "actors/kafka/api/requester_desk.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;
using sent_callback = std::function<void(result<placed>)>;

struct hand_clock final : ports::clock {
  std::int64_t us = 1'000'000;
  timestamp_t now() const override { return us / 1000; }
  std::int64_t monotonic_us() const override { return us; }
};
struct counted_random final : ports::random_source {
  std::uint64_t next = 0x0102030405060708;
  std::uint64_t next_64() override { return next++; }
};

struct fixture {
  struct sent {
    record what;
    sent_callback done;
  };

  explicit fixture(requester_options options = {}) {
    options.timeout_ms = 5'000;
    desk = std::make_shared<request_desk>(
        options, clock, random,
        desk_edges{.send = [this](record what, auto done) { out.push_back({std::move(what), std::move(done)}); },
                   .stands = [this] { return stands; }});
  }

  /// Asks for the member `n` of the reply.
  void ask(error_code in_doubt = error_code::outcome_unknown) {
    desk_request request;
    request.what.topic = "requests";
    request.what.value = "{}";
    request.what.headers = {{"content-type", "application/json"}};
    request.reply_topic = "replies";
    request.trace = "00-trace";
    request.in_doubt = in_doubt;
    desk->ask<int>(
        std::move(request),
        [](const json& reply) -> result<int> {
          if (!reply.contains("n")) return error{error_code::malformed_json, "no n"};
          if (reply.at("n") == 404) return error{error_code::subscription_not_found};
          return reply.at("n").get<int>();
        },
        [this](const result<int>& answer) { answers.push_back(answer); });
  }
  [[nodiscard]] std::string correlation(std::size_t of) const { return *out.at(of).what.find("kafka_correlationId"); }
  void reply(const std::string& to, std::optional<std::string> value) {
    received r;
    r.content.value = std::move(value);
    r.content.headers = {{"kafka_correlationId", to}};
    desk->take(r);
  }
  void pass(std::int64_t ms) {
    clock.us += ms * 1000;
    desk->expire();
  }

  hand_clock clock;
  counted_random random;
  bool stands = true;
  std::vector<sent> out;
  std::vector<result<int>> answers;
  std::shared_ptr<request_desk> desk;
};

}  // namespace

TEST_CASE("a request carries what its reply needs, and is answered by it", "[kafka][requester]") {
  fixture f;
  f.ask();
  REQUIRE(f.out.size() == 1);
  CHECK(f.out[0].what.headers == std::vector<header>{
                                     {"kafka_correlationId", std::string("\1\2\3\4\5\6\7\x08\1\2\3\4\5\6\7\x09", 16)},
                                     {"kafka_replyTopic", "replies"},
                                     {"content-type", "application/json"},
                                     {"traceparent", "00-trace"},
                                 });
  f.out[0].done(placed{0, 1});
  CHECK(f.answers.empty());
  CHECK(f.desk->metrics().waiting == 1);
  f.reply(f.correlation(0), R"({"n":7})");
  REQUIRE(f.answers.size() == 1);
  CHECK(*f.answers[0] == 7);
  CHECK(f.desk->metrics().requests == 1);
  CHECK(f.desk->metrics().replies == 1);
  CHECK(f.desk->metrics().waiting == 0);
}

TEST_CASE("each reply finds its own request", "[kafka][requester]") {
  fixture f;
  std::set<std::string> different;
  for (int i = 0; i < 50; ++i) {
    f.ask();
    different.insert(f.correlation(static_cast<std::size_t>(i)));
  }
  CHECK(different.size() == 50);
  for (int i = 49; i >= 0; --i)
    f.reply(f.correlation(static_cast<std::size_t>(i)), R"({"n":)" + std::to_string(i) + "}");
  REQUIRE(f.answers.size() == 50);
  for (int i = 0; i < 50; ++i) CHECK(*f.answers[static_cast<std::size_t>(i)] == 49 - i);
}

TEST_CASE("a reply may be quicker than the acknowledgement of its request", "[kafka][requester]") {
  fixture f;
  f.ask();
  f.reply(f.correlation(0), R"({"n":7})");
  f.out[0].done(error{error_code::outcome_unknown});
  CHECK(f.answers.size() == 1);
}

TEST_CASE("replies to others, late ones and second ones are counted and left", "[kafka][requester]") {
  fixture f;
  f.ask();
  f.reply("somebody else's", R"({"n":7})");
  f.desk->take({});
  received without_value;
  without_value.content.headers = {{"kafka_correlationId", std::nullopt}};
  f.desk->take(without_value);
  CHECK(f.answers.empty());
  CHECK(f.desk->metrics().unmatched == 3);
  f.reply(f.correlation(0), R"({"n":7})");
  f.reply(f.correlation(0), R"({"n":8})");
  f.ask();
  f.pass(5'000);
  f.reply(f.correlation(1), R"({"n":9})");
  REQUIRE(f.answers.size() == 2);
  CHECK(*f.answers[0] == 7);
  CHECK(f.answers[1].error().code == error_code::outcome_unknown);
  CHECK(f.desk->metrics().unmatched == 5);
}

TEST_CASE("an error inside of a reply is the answer, with its fields", "[kafka][requester]") {
  fixture f;
  f.ask();
  f.reply(f.correlation(0),
          R"({"error":{"code":"invalid_input","message":"wrong","status":400,"fields":[{"field":"a","reason":"b"}]}})");
  CHECK(f.answers.at(0).error().code == error_code::invalid_input);
  CHECK(f.answers.at(0).error().fields == std::vector<field_error>{{"a", "b"}});
  f.ask();
  f.reply(f.correlation(1), R"({"n":404})");
  CHECK(f.answers.at(1).error().code == error_code::subscription_not_found);
  CHECK(f.desk->metrics().malformed == 0);
}

TEST_CASE("a reply that cannot be read leaves the outcome unknown", "[kafka][requester]") {
  test::captured_log lines;
  fixture f;
  const std::vector<std::optional<std::string>> values = {std::nullopt, "", "[1]", "{", R"({"m":1})"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    f.ask();
    f.reply(f.correlation(i), values[i]);
    CHECK(f.answers.at(i).error().code == error_code::outcome_unknown);
  }
  CHECK(f.desk->metrics().malformed == values.size());
  CHECK(lines.count(log::level::warning, "could not be read") == 1);
  f.ask(error_code::unavailable);
  f.reply(f.correlation(values.size()), "{}");
  CHECK(f.answers.back().error().code == error_code::unavailable);
}

TEST_CASE("without a reply in time the outcome is unknown, and a question without effect is refused",
          "[kafka][requester]") {
  fixture f;
  f.ask();
  f.ask(error_code::unavailable);
  f.pass(4'999);
  CHECK(f.answers.empty());
  f.ask();
  f.pass(1);
  REQUIRE(f.answers.size() == 2);
  CHECK(f.answers[0].error().code == error_code::outcome_unknown);
  CHECK(f.answers[1].error().code == error_code::unavailable);
  CHECK(f.answers[1].error().retry_after_s > 0);
  CHECK(f.desk->metrics().timeouts == 2);
  CHECK(f.desk->metrics().waiting == 1);
  f.pass(4'999);
  CHECK(f.answers.size() == 3);
}

TEST_CASE("what stands in the way is told at once, and nothing is sent", "[kafka][requester]") {
  fixture f;
  f.stands = false;
  f.ask();
  CHECK(f.out.empty());
  REQUIRE(f.answers.size() == 1);
  CHECK(f.answers[0].error().code == error_code::unavailable);
  CHECK(f.answers[0].error().retry_after_s > 0);
  CHECK(f.desk->metrics().unavailable == 1);
  CHECK(f.desk->metrics().requests == 0);
}

TEST_CASE("a request that was not sent is told so", "[kafka][requester]") {
  test::captured_log lines;
  const auto answer = [](error_code why, error_code in_doubt = error_code::outcome_unknown) {
    fixture f;
    f.ask(in_doubt);
    f.out.at(0).done(error{why});
    REQUIRE(f.answers.size() == 1);
    CHECK(f.desk->metrics().waiting == 0);
    return f.answers[0].error().code;
  };
  CHECK(answer(error_code::unavailable) == error_code::unavailable);
  CHECK(answer(error_code::invalid_input) == error_code::unavailable);
  CHECK(answer(error_code::overloaded) == error_code::overloaded);
  CHECK(answer(error_code::shutting_down) == error_code::shutting_down);
  CHECK(answer(error_code::outcome_unknown) == error_code::outcome_unknown);
  CHECK(answer(error_code::outcome_unknown, error_code::unavailable) == error_code::unavailable);
  CHECK(lines.count(log::level::warning, "could not be sent") == 2);
}

TEST_CASE("at the limit requests wait, one beyond is refused", "[kafka][requester]") {
  requester_options options;
  options.requests_max = 2;
  fixture f(options);
  f.ask();
  f.ask();
  CHECK(f.answers.empty());
  f.ask();
  CHECK(f.answers.at(0).error().code == error_code::overloaded);
  CHECK(f.out.size() == 2);
  f.reply(f.correlation(0), R"({"n":7})");
  f.ask();
  CHECK(f.out.size() == 3);
}

TEST_CASE("at the end everything is answered once, and nothing is taken any more", "[kafka][requester]") {
  fixture f;
  f.ask();
  f.ask(error_code::unavailable);
  f.desk->close();
  REQUIRE(f.answers.size() == 2);
  std::set<error_code> codes{f.answers[0].error().code, f.answers[1].error().code};
  CHECK(codes == std::set{error_code::outcome_unknown, error_code::shutting_down});
  f.out[0].done(error{error_code::shutting_down});
  f.reply(f.correlation(0), R"({"n":7})");
  f.pass(60'000);
  CHECK(f.answers.size() == 2);
  f.stands = false;
  f.ask();
  CHECK(f.answers.at(2).error().code == error_code::shutting_down);
}

TEST_CASE("a callback may ask again", "[kafka][requester]") {
  fixture f;
  int again = 0;
  desk_request request;
  request.reply_topic = "replies";
  f.desk->ask<int>(
      request, [](const json&) -> result<int> { return 1; },
      [&](const result<int>&) {
        ++again;
        f.ask();
      });
  f.pass(5'000);
  CHECK(again == 1);
  CHECK(f.out.size() == 2);
  f.desk->close();
  CHECK(f.answers.size() == 1);
}

TEST_CASE("answered requests do not pile up behind one that waits", "[kafka][requester]") {
  requester_options options;
  fixture f(options);
  f.ask();
  for (std::size_t i = 1; i < 30'000; ++i) {
    f.ask();
    f.reply(f.correlation(i), R"({"n":7})");
    if (i % 1'000 == 0) f.desk->expire();
  }
  CHECK(f.desk->deadlines_kept() < 6'000);
  CHECK(f.desk->metrics().waiting == 1);
}

}  // namespace social::kafka
