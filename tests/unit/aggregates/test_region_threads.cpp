// The region with real threads: questions, the end, and nobody left.
#include <future>

#include "actors/aggregates/region.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/deterministic_node.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/toy_aggregate/toy.hpp"

namespace social::aggregates::test {
namespace {

using namespace social::test;
namespace toy = domain::toy;
constexpr auto patience = std::chrono::seconds(60);

struct threaded {
  memory_store store{shard_t{4}};
  manual_clock clock;
  runtime::node node{{.threads = 2}, [this] { return clock.now(); }};
  std::unique_ptr<region> under_test;

  explicit threaded(query_function queries = {}) {
    region_parts parts;
    parts.node = &node;
    parts.store = store.ports();
    parts.clock = &clock;
    parts.kinds.add<domain::toy_aggregate>();
    parts.queries = std::move(queries);
    under_test = std::make_unique<region>(std::move(parts));
  }
  std::future<protocol::command_result> send(id_t target, toy::command command) {
    auto box = std::make_shared<std::promise<protocol::command_result>>();
    protocol::command_message message;
    message.kind = domain::toy_aggregate::kind;
    message.target = target;
    message.shard = 1;
    message.command = domain::erase<toy::command>(std::move(command));
    message.reply = std::make_shared<protocol::command_slot::element_type>(
        [box](protocol::command_result outcome) { box->set_value(std::move(outcome)); });
    under_test->send(std::move(message));
    return box->get_future();
  }
  std::future<result<protocol::answer>> ask() {
    auto box = std::make_shared<std::promise<result<protocol::answer>>>();
    under_test->ask({protocol::email_exists{"a@b.c"},
                     std::make_shared<protocol::query_slot::element_type>(
                         [box](result<protocol::answer> outcome) { box->set_value(std::move(outcome)); })});
    return box->get_future();
  }
};

template <class T>
T arrived(std::future<T> future) {
  REQUIRE(future.wait_for(patience) == std::future_status::ready);
  return future.get();
}

TEST_CASE("commands of many threads are all done, and nobody is left after the stop", "[aggregates]") {
  threaded t;
  const auto opened = arrived(t.send(0, toy::open{}));
  const auto id = std::get<toy::view>(domain::unerase<toy::reply>(*opened.value())).seq;
  constexpr int threads = 4;
  constexpr int each = 200;
  std::vector<std::thread> senders;
  std::atomic<int> done{0};
  for (int i = 0; i < threads; ++i)
    senders.emplace_back([&] {
      for (int n = 0; n < each; ++n)
        if (auto future = t.send(id, toy::add{1}); future.wait_for(patience) == std::future_status::ready)
          done += future.get().has_value() ? 1 : 0;
    });
  for (auto& sender : senders) sender.join();
  CHECK(done == threads * each);
  CHECK(t.store.row<toy::sums>({domain::table::counts, 200, id, {}})->total == threads * each);
  CHECK(t.under_test->stop(patience));
  CHECK(arrived(t.send(id, toy::peek{})).error().code == error_code::shutting_down);
  t.under_test.reset();
  t.node.system().await_all_actors_done();
  CHECK(t.node.system().registry().running() == 0);
}

TEST_CASE("a question that needs the disk is answered by a disk reader", "[aggregates]") {
  threaded t([](const protocol::query&, ports::read_tier tier) -> std::optional<result<protocol::answer>> {
    if (tier == ports::read_tier::cache_only) return std::nullopt;
    return result<protocol::answer>(protocol::answer(protocol::exists_answer{true}));
  });
  CHECK(std::get<protocol::exists_answer>(arrived(t.ask()).value()).exists);
  CHECK(t.under_test->stop(patience));
  CHECK(arrived(t.ask()).error().code == error_code::shutting_down);
}

TEST_CASE("a question whose function throws is answered and costs no reader", "[aggregates]") {
  const captured_log log;
  const auto tier = GENERATE(ports::read_tier::cache_only, ports::read_tier::disk);
  threaded t([tier](const protocol::query&, ports::read_tier at) -> std::optional<result<protocol::answer>> {
    if (at == tier) throw std::runtime_error("a defect");
    return std::nullopt;
  });
  for (int i = 0; i < 8; ++i) CHECK(arrived(t.ask()).error().code == error_code::internal);
  CHECK(log.count(log::level::error, "a question failed") == 8);
}

TEST_CASE("a region without questions says so", "[aggregates]") {
  threaded t;
  CHECK(arrived(t.ask()).error().code == error_code::unavailable);
}

TEST_CASE("a stop waits for what is in flight until its deadline", "[aggregates]") {
  threaded t;
  t.store.hold_commits(true);
  auto opened = t.send(0, toy::open{});
  const auto until = std::chrono::steady_clock::now() + patience;
  while (t.store.waiting_commits() == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  SECTION("it comes in time") {
    auto stopped = std::async(std::launch::async, [&] { return t.under_test->stop(patience); });
    t.store.commit_all();
    CHECK(arrived(std::move(opened)).has_value());
    CHECK(arrived(std::move(stopped)));
  }
  SECTION("it does not") {
    CHECK_FALSE(t.under_test->stop(std::chrono::milliseconds(1)));
    CHECK(arrived(std::move(opened)).error().code == error_code::outcome_unknown);
    t.store.commit_all();
  }
  t.under_test.reset();
  t.node.system().await_all_actors_done();
  CHECK(t.node.system().registry().running() == 0);
}

}  // namespace
}  // namespace social::aggregates::test
