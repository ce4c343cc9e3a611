// How the thread of a group member ends, and that it is left behind when librdkafka never answers.
#include <future>

#include "actors/kafka/member_thread.hpp"
#include "tests/support/kafka_clients.hpp"

using namespace social;
using namespace social::test;
using namespace std::chrono_literals;

namespace {

class no_control final : public kafka::group_control {
 public:
  void pause(const std::vector<kafka::topic_partition>&) override {}
  void resume(const std::vector<kafka::topic_partition>&) override {}
  void seek(const kafka::topic_partition&, std::int64_t) override {}
  result<void> commit(const std::map<kafka::topic_partition, std::int64_t>&, bool) override { return {}; }
};

class counting_handler final : public kafka::group_handler {
 public:
  void assigned(kafka::group_control&, const std::vector<kafka::topic_partition>&) override { ++calls; }
  void revoked(kafka::group_control&, const std::vector<kafka::topic_partition>&, bool) override {
    ++calls;
    if (last_work) last_work();
  }
  void records(kafka::group_control&, std::vector<kafka::received>) override { ++calls; }
  void turn(kafka::group_control&) override { ++calls; }

  std::function<void()> last_work;
  std::atomic<int> calls{0};
};

void call_all(kafka::group_handler& handler) {
  no_control control;
  handler.assigned(control, {});
  handler.records(control, {});
  handler.turn(control);
  handler.revoked(control, {}, false);
}

}  // namespace

TEST_CASE("kafka member's thread: what it does reaches the handler, and its end is waited for") {
  counting_handler handler;
  const auto gate = std::make_shared<kafka::handler_gate>(handler);
  kafka::member_thread thread;
  CHECK(thread.end(1ms));
  thread.start(gate, [gate] { call_all(*gate); });
  CHECK(thread.end(60s));
  CHECK(handler.calls == 4);
  CHECK(thread.end(1ms));
}

TEST_CASE("kafka member's thread: one that is not answered is left behind, and its handler may be gone") {
  auto handler = std::make_unique<counting_handler>();
  auto gate = std::make_shared<kafka::handler_gate>(*handler);
  std::promise<void> answer;
  std::promise<void> over;
  {
    kafka::member_thread thread;
    thread.start(gate, [gate, answered = answer.get_future().share(), &over] {
      answered.wait();
      call_all(*gate);
      over.set_value();
    });
    CHECK_FALSE(thread.end(20ms));
    CHECK(thread.end(20ms));
  }
  CHECK(handler->calls == 0);
  handler.reset();  // a late call would be found by the address sanitizer
  answer.set_value();
  over.get_future().wait();
}

TEST_CASE("kafka member's thread: a handler that has something to finish is waited for longer than librdkafka") {
  counting_handler handler;
  std::promise<void> begun;
  std::promise<void> finish;
  handler.last_work = [&, may = finish.get_future().share()] {
    begun.set_value();
    may.wait();
  };
  const auto gate = std::make_shared<kafka::handler_gate>(handler);
  kafka::member_thread thread;
  thread.start(gate, [gate] { call_all(*gate); });
  begun.get_future().wait();
  CHECK(gate->outside_ms() == 0);
  constexpr auto patience = 1ms;
  auto ended = std::async(std::launch::async, [&] { return thread.end(patience); });
  CHECK(ended.wait_for(patience * 100) == std::future_status::timeout);
  finish.set_value();
  ended.wait();
  CHECK(handler.calls == 4);
}
