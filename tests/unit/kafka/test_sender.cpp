// The sender: every record gets one answer, whatever becomes of its producer.
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "actors/kafka/sender.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/kafka_clients.hpp"
#include "tests/support/mock_kafka.hpp"

namespace social::kafka::test {
namespace {

using social::test::eventually;
using social::test::mock_kafka;

constexpr auto patience = std::chrono::seconds(20);

/// Does what a test tells it to. One for all lives, so that a test sees them come and go.
struct script {
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, std::string>> pushed;  ///< token, value; of the life that is on
  std::vector<delivery_report> reports;
  std::function<void()> wake;
  std::optional<error> fatal;
  std::size_t room = 1'000;  ///< then it is full
  int lives = 0;
  bool can_be_made = true;

  /// What the broker would say of everything pushed so far.
  void report_all(const result<placed>& outcome) {
    std::function<void()> signal;
    {
      const std::lock_guard lock(mutex);
      for (const auto& [token, value] : pushed) reports.push_back({token, outcome});
      pushed.clear();
      signal = wake;
    }
    signal();
  }
  void report_all_and_fail(const result<placed>& outcome) {
    {
      const std::lock_guard lock(mutex);
      fatal = error{error_code::unavailable, "fenced"};
    }
    report_all(outcome);
  }
  void fail() {
    std::function<void()> signal;
    {
      const std::lock_guard lock(mutex);
      fatal = error{error_code::unavailable, "fenced"};
      signal = wake;
    }
    signal();
  }
  std::vector<std::string> values() {
    const std::lock_guard lock(mutex);
    std::vector<std::string> out;
    out.reserve(pushed.size());
    for (const auto& [token, value] : pushed) out.push_back(value);
    return out;
  }
};

class scripted_producer final : public producer {
 public:
  explicit scripted_producer(std::shared_ptr<script> play) : play_(std::move(play)) {}
  ~scripted_producer() override {
    const std::lock_guard lock(play_->mutex);
    play_->pushed.clear();
    play_->reports.clear();
    play_->fatal.reset();
    play_->wake = [] {};  // it names the actor, which must not be held any longer
  }
  taken push(const record& what, std::uint64_t token) override {
    const std::lock_guard lock(play_->mutex);
    if (what.topic == "refused") return taken::rejected;
    if (play_->pushed.size() >= play_->room) return taken::full;
    play_->pushed.emplace_back(token, what.value.value_or(""));
    return taken::queued;
  }
  error why_rejected() const override { return {error_code::invalid_input, "no"}; }
  void collect(std::vector<delivery_report>& out, std::size_t max) override {
    const std::lock_guard lock(play_->mutex);
    const auto count = std::min(max, play_->reports.size());
    const auto end = play_->reports.begin() + static_cast<std::ptrdiff_t>(count);
    std::move(play_->reports.begin(), end, std::back_inserter(out));
    play_->reports.erase(play_->reports.begin(), end);
    if (!play_->reports.empty()) play_->wake();
  }
  std::optional<error> fatal() const override {
    const std::lock_guard lock(play_->mutex);
    return play_->fatal;
  }
  bool flush(std::int64_t) override { return true; }

 private:
  std::shared_ptr<script> play_;
};

producer_factory scripted(const std::shared_ptr<script>& play) {
  return [play](std::function<void()> wake) -> result<std::unique_ptr<producer>> {
    const std::lock_guard lock(play->mutex);
    if (!play->can_be_made) return error{error_code::invalid_input, "not now"};
    ++play->lives;
    play->wake = std::move(wake);
    return std::make_unique<scripted_producer>(play);
  };
}

/// What became of each record, by its value; a second answer shows as a number above one.
class ledger {
 public:
  std::function<void(result<placed>)> note(const std::string& value) {
    return [this, value](const result<placed>& outcome) {
      const std::lock_guard lock(mutex_);
      answers_.emplace(value, outcome ? "sent" : std::string(describe(outcome.error().code).word));
    };
  }
  std::multimap<std::string, std::string> answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  std::size_t size() const { return answers().size(); }
  /// Empty: none yet, or more than one.
  std::string of(const std::string& value) const {
    const auto all = answers();
    return all.count(value) == 1 ? all.find(value)->second : "";
  }

 private:
  mutable std::mutex mutex_;
  std::multimap<std::string, std::string> answers_;
};

struct world {
  explicit world(sender_options options = {.name = "test", .records_max = 100, .retry_ms = 1})
      : under_test(node, std::move(options), scripted(play)) {}
  void send(const std::string& value, const std::string& topic = "t") {
    under_test.send({.topic = topic, .partition = -1, .key = {}, .value = value, .headers = {}}, said.note(value));
  }
  ledger said;
  std::shared_ptr<script> play = std::make_shared<script>();
  runtime::node node{{}, [] { return timestamp_t{1}; }};
  sender under_test;
};

}  // namespace

TEST_CASE("records go out in order, each answered once with what the broker said", "[kafka]") {
  world w;
  for (const auto* value : {"a", "b", "c"}) w.send(value);
  REQUIRE(eventually([&] { return w.play->values().size() == 3; }));
  CHECK(w.play->values() == std::vector<std::string>{"a", "b", "c"});
  CHECK(w.said.size() == 0);
  CHECK(w.under_test.metrics().waiting == 3);
  w.play->report_all(placed{1, 7});
  REQUIRE(eventually([&] { return w.said.size() == 3; }));
  w.send("d");
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
  w.play->report_all(error{error_code::unavailable});
  REQUIRE(eventually([&] { return w.said.size() == 4; }));
  CHECK(w.said.of("a") == "sent");
  CHECK(w.said.of("d") == "unavailable");
  CHECK(w.under_test.metrics().sent == 3);
  CHECK(w.under_test.metrics().failed == 1);
  CHECK(w.under_test.metrics().waiting == 0);
}

TEST_CASE("one that can never be sent is answered, and the next goes out", "[kafka]") {
  world w;
  w.send("a", "refused");
  w.send("b");
  REQUIRE(eventually([&] { return w.said.of("a") == "invalid_input" && w.play->values().size() == 1; }));
  w.play->report_all(placed{});
  CHECK(eventually([&] { return w.said.of("b") == "sent"; }));
}

TEST_CASE("what does not fit waits until reports make room", "[kafka]") {
  world w;
  w.play->room = 2;
  for (const auto* value : {"a", "b", "c", "d", "e"}) w.send(value);
  for (const std::size_t answered : {2U, 4U, 5U}) {
    REQUIRE(eventually([&] { return !w.play->values().empty(); }));
    CHECK(w.play->values().size() <= 2);
    REQUIRE(eventually([&] { return w.play->values().size() == std::min<std::size_t>(2, 5 - w.said.size()); }));
    w.play->report_all(placed{});
    REQUIRE(eventually([&] { return w.said.size() == answered; }));
  }
}

TEST_CASE("over the limit it is overloaded at once", "[kafka]") {
  world w({.name = "test", .records_max = 2, .retry_ms = 1});
  for (const auto* value : {"a", "b", "c"}) w.send(value);
  CHECK(w.said.of("c") == "overloaded");
  CHECK(w.under_test.metrics().refused == 1);
  REQUIRE(eventually([&] { return w.play->values().size() == 2; }));
  w.play->report_all(placed{});
  REQUIRE(eventually([&] { return w.said.size() == 3; }));
  w.send("d");
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
}

TEST_CASE("after a fatal error what was under way is unknown, and a new producer goes on", "[kafka]") {
  social::test::captured_log lines;
  world w;
  w.send("a");
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
  w.play->fail();
  REQUIRE(eventually([&] { return w.said.of("a") == "outcome_unknown"; }));
  w.send("b");
  REQUIRE(eventually([&] { return w.play->values() == std::vector<std::string>{"b"}; }));
  CHECK(w.play->lives == 2);
  w.play->report_all(placed{});
  CHECK(eventually([&] { return w.said.of("b") == "sent"; }));
  CHECK(w.under_test.metrics().restarts == 1);
  CHECK(lines.count(log::level::error, "failed for good") == 1);
}

TEST_CASE("a producer that cannot be made is tried again, nothing is lost meanwhile", "[kafka]") {
  social::test::captured_log lines;
  world w;
  w.play->can_be_made = false;
  w.send("a");
  REQUIRE(eventually([&] { return lines.count(log::level::error, "could not be made") > 0; }));
  {
    const std::lock_guard lock(w.play->mutex);
    w.play->can_be_made = true;
  }
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
  w.play->report_all(placed{});
  CHECK(eventually([&] { return w.said.of("a") == "sent"; }));
}

TEST_CASE("stopping waits for what is under way and takes nothing new", "[kafka]") {
  world w;
  w.send("a");
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
  std::thread broker([&] { w.play->report_all(placed{}); });
  CHECK(w.under_test.stop(patience));
  broker.join();
  CHECK(w.said.of("a") == "sent");
  w.send("b");
  CHECK(w.said.of("b") == "shutting_down");
}

TEST_CASE("what has no answer at the deadline is unknown", "[kafka]") {
  world w;
  w.send("a");
  REQUIRE(eventually([&] { return w.play->values().size() == 1; }));
  CHECK(!w.under_test.stop(std::chrono::milliseconds(1)));
  // Whoever is told may be gone soon after.
  CHECK(w.said.of("a") == "outcome_unknown");
}

TEST_CASE("reports that came before the end of a producer count", "[kafka]") {
  world w({.name = "test", .records_max = 5'000, .retry_ms = 1});
  w.play->room = 5'000;
  for (int i = 0; i < 1'500; ++i) w.send(std::to_string(i));
  REQUIRE(eventually([&] { return w.play->values().size() == 1'500; }));
  w.play->report_all_and_fail(placed{0, 1});
  for (int i = 0; i < 1'500; ++i) REQUIRE(eventually([&] { return w.said.of(std::to_string(i)) == "sent"; }));
}

TEST_CASE("through a real producer every record is there once, and each is told where", "[kafka]") {
  mock_kafka kafka;
  kafka.create_topic("t", 3);
  runtime::node node({}, [] { return timestamp_t{1}; });
  std::mutex mutex;
  std::set<std::pair<std::int32_t, std::int64_t>> places;
  sender under_test(node, {.name = "test"},
                    real_producer(kafka.settings(), {.name = "test", .message_timeout_ms = 20'000},
                                  std::make_shared<client_health>()));
  constexpr std::size_t records = 500;
  for (std::size_t i = 0; i < records; ++i)
    under_test.send(social::test::record_of("t", std::to_string(i), "v"), [&](const result<placed>& outcome) {
      const std::lock_guard lock(mutex);
      if (outcome) places.emplace(outcome->partition, outcome->offset);
    });
  REQUIRE(under_test.stop(patience));
  CHECK(places.size() == records);
  CHECK(kafka.records("t").size() == records);
}

}  // namespace social::kafka::test
