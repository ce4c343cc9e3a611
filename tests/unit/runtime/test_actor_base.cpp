#include <cstdio>
#include <unistd.h>

#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/unit/runtime/probe.hpp"

namespace social::runtime::test {
namespace {

using social::test::captured_log;
using social::test::deterministic_node;

struct fixture {
  deterministic_node node;
  probe_actor actor;

  explicit fixture(std::int64_t mailbox_max = 0, std::function<std::string()> state = {}) {
    actor = node->system().spawn<probe>(node->context(), 7, mailbox_max, std::move(state));
    node.run();
  }
  ~fixture() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actor = nullptr;
    if (!node.ended()) std::abort();
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  directory::found find() { return node->context().actors.find("probe", 7); }
  actor_numbers numbers() { return find().info; }
  std::shared_ptr<std::optional<result<std::string>>> inspect() {
    auto box = std::make_shared<std::optional<result<std::string>>>();
    caf::anon_send(find().handle,
                   inspect_request{7, std::make_shared<reply_slot<std::string>>(
                                          [box](result<std::string> state) { *box = std::move(state); })});
    return box;
  }
};

struct worked {
  std::shared_ptr<std::optional<result<int>>> box = std::make_shared<std::optional<result<int>>>();
  work message(std::function<void()> what = {}) {
    return {std::move(what), std::make_shared<reply_slot<int>>([box = box](result<int> r) { *box = std::move(r); })};
  }
  [[nodiscard]] bool overloaded() const {
    return box->has_value() && !box->value() && box->value().error().code == error_code::overloaded;
  }
};

/// What is written to file descriptor 1 while it lives.
class captured_stdout {
 public:
  captured_stdout() : file_(std::tmpfile()), kept_(::dup(1)) {
    std::fflush(stdout);
    ::dup2(::fileno(file_), 1);
  }
  ~captured_stdout() {
    restore();
    std::fclose(file_);
  }
  captured_stdout(const captured_stdout&) = delete;
  captured_stdout& operator=(const captured_stdout&) = delete;
  long bytes() {
    restore();
    return static_cast<long>(::lseek(::fileno(file_), 0, SEEK_END));
  }

 private:
  void restore() {
    if (kept_ < 0) return;
    std::fflush(stdout);
    std::cout.flush();
    ::dup2(kept_, 1);
    ::close(kept_);
    kept_ = -1;
  }
  std::FILE* file_;
  int kept_;
};

TEST_CASE("an actor's numbers are true", "[runtime]") {
  fixture f;
  CHECK(f.numbers().messages_handled == 0);
  CHECK(f.numbers().last_message.empty());
  CHECK(f.numbers().shard == 3);

  for (int i = 0; i < 3; ++i) caf::anon_send(f.actor, work{});
  caf::anon_send(f.actor, control{});
  CHECK(f.numbers().mailbox_depth == 4);
  f.node.step();
  CHECK(f.numbers().mailbox_depth == 3);
  CHECK(f.numbers().last_message == "work");
  f.node.run();
  CHECK(f.numbers().mailbox_depth == 0);
  CHECK(f.numbers().messages_handled == 4);
  CHECK(f.numbers().last_message == "control");
  CHECK(f.numbers().failures == 0);
}

TEST_CASE("busy time and percentiles come from the time spent in handlers", "[runtime]") {
  fixture f;
  const auto spin = [](std::int64_t us) {
    return [us] {
      const auto until = monotonic_ns() + us * 1000;  // whole microseconds would be cut off at both ends
      while (monotonic_ns() < until) continue;
    };
  };
  for (int i = 0; i < 9; ++i) caf::anon_send(f.actor, work{spin(20), {}});
  caf::anon_send(f.actor, work{spin(5'000), {}});
  f.node.run();
  const auto n = f.numbers();
  CHECK(n.busy_us >= 9 * 20 + 5'000);
  CHECK(n.p50_us >= 20);
  CHECK(n.p50_us < 5'000);
  CHECK(n.p99_us >= n.p50_us);
}

TEST_CASE("at the limit requests are taken, one beyond is shed, control messages pass", "[runtime]") {
  fixture f(2);
  worked first;
  worked second;
  worked third;
  caf::anon_send(f.actor, first.message());
  caf::anon_send(f.actor, second.message());
  CHECK_FALSE(second.box->has_value());
  caf::anon_send(f.actor, third.message());
  CHECK(third.overloaded());
  bool passed = false;
  caf::anon_send(f.actor, control{[&] { passed = true; }});
  CHECK(f.numbers().mailbox_depth == 3);
  f.node.run();
  CHECK(first.box->value().has_value());
  CHECK(second.box->value().has_value());
  CHECK(passed);
  CHECK(f.node->context().actors.totals().at("probe").shed == 1);
  worked later;
  caf::anon_send(f.actor, later.message());
  f.node.run();
  CHECK(later.box->value().has_value());
}

TEST_CASE("a busy actor answers an inspection after what it is at, and is not counted as busier", "[runtime]") {
  fixture f;
  caf::anon_send(f.actor, work{});
  const auto seen = f.inspect();
  f.node.step();
  CHECK_FALSE(seen->has_value());
  f.node.run();
  REQUIRE(seen->has_value());
  CHECK(seen->value().value() == R"({"probe":true})");
  CHECK(f.numbers().messages_handled == 1);
  CHECK(f.numbers().last_message == "work");
}

TEST_CASE("an inspection that throws answers an error and ends nobody", "[runtime]") {
  fixture f(0, []() -> std::string { throw std::runtime_error("no state"); });
  const auto seen = f.inspect();
  f.node.run();
  REQUIRE(seen->has_value());
  CHECK(seen->value().error().code == error_code::internal);
  CHECK(f.find().handle);
}

TEST_CASE("who asks an actor that is gone is told so", "[runtime]") {
  fixture f;
  const auto handle = f.find().handle;
  caf::anon_send_exit(f.actor, caf::exit_reason::user_shutdown);
  f.node.run();
  auto box = std::make_shared<std::optional<result<std::string>>>();
  caf::anon_send(handle, inspect_request{7, std::make_shared<reply_slot<std::string>>(
                                                [box](result<std::string> state) { *box = std::move(state); })});
  REQUIRE(box->has_value());
  CHECK(box->value().error().code == error_code::outcome_unknown);
}

TEST_CASE("what is sent to an actor that is gone is a dead letter", "[runtime]") {
  fixture f;
  const auto& letters = f.node->context().dead_letters;
  caf::anon_send_exit(f.actor, caf::exit_reason::user_shutdown);
  f.node.run();
  CHECK(letters.counts().empty());
  worked late;
  caf::anon_send(f.actor, late.message());
  caf::anon_send_exit(f.actor, caf::exit_reason::user_shutdown);  // a system message is none
  f.node.run();
  REQUIRE(late.box->has_value());
  CHECK(late.box->value().error().code == error_code::outcome_unknown);
  CHECK(letters.counts() == std::map<std::string, std::uint64_t>{{"actor_gone", 1}});
  CHECK(letters.newest(1).at(0).from == "probe/7");
  CHECK(letters.newest(1).at(0).message == "work");
}

TEST_CASE("what waits for an actor that ends is counted, and requests among it are answered", "[runtime]") {
  const captured_log log;
  fixture f;
  worked lost;
  caf::anon_send(f.actor, work{[] { throw std::runtime_error("a defect"); }, {}});
  caf::anon_send(f.actor, lost.message());
  caf::anon_send(f.actor, control{});
  f.node.run();
  REQUIRE(lost.box->has_value());
  CHECK(lost.box->value().error().code == error_code::outcome_unknown);
  const auto& letters = f.node->context().dead_letters;
  CHECK(letters.counts().at("actor_gone") == 2);
  CHECK(letters.newest(1).at(0).message == "2 waiting messages");
}

TEST_CASE("an actor's own timer that fires after its end is no dead letter", "[runtime]") {
  fixture f;
  caf::anon_send(f.actor, set_timer{});
  f.node.run();
  caf::anon_send_exit(f.actor, caf::exit_reason::user_shutdown);
  f.node.run();
  f.node.pass(std::chrono::seconds(2));
  CHECK(f.node->context().dead_letters.counts().empty());
}

TEST_CASE("an unexpected message becomes a dead letter and is not printed", "[runtime]") {
  fixture f;
  captured_stdout out;
  caf::anon_send(caf::actor_cast<caf::actor>(f.actor), unknown_message{});
  f.node.run();
  CHECK(out.bytes() == 0);
  CHECK(f.node->context().dead_letters.counts().at("unexpected_message") == 1);
  const auto letter = f.node->context().dead_letters.newest(1).at(0);
  CHECK(letter.from == "probe/7");
  CHECK(letter.message == "unknown_message");
  CHECK(f.find().handle);
}

TEST_CASE("an exception is counted, logged and ends the actor, and nothing is printed", "[runtime]") {
  const captured_log log;
  fixture f;
  captured_stdout out;
  worked lost;
  caf::anon_send(f.actor, lost.message([] { throw std::runtime_error("a defect"); }));
  f.node.run();
  CHECK(out.bytes() == 0);
  CHECK(log.count(log::level::error, "an actor failed") == 1);
  CHECK(f.node->context().actors.totals().at("probe").failures == 1);
  REQUIRE(lost.box->has_value());
  CHECK(lost.box->value().error().code == error_code::outcome_unknown);
  CHECK_FALSE(f.find().handle);
}

TEST_CASE("a thrown thing that is no exception is handled like one", "[runtime]") {
  const captured_log log;
  fixture f;
  caf::anon_send(f.actor, work{[] { throw 7; }, {}});
  f.node.run();
  CHECK(log.count(log::level::error, "an actor failed") == 1);
}

}  // namespace
}  // namespace social::runtime::test
