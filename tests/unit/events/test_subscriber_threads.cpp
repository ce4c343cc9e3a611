// A subscriber on a thread of its own, as in the server.
#include <thread>

#include "actors/events/subscriber.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/memory_store.hpp"

namespace social::events::test {
namespace {

using namespace social::test;

TEST_CASE("a subscriber follows four writers, and its end waits for nobody", "[events]") {
  memory_store source(shard_t{2});
  memory_store effects(shard_t{2});
  runtime::node node({.threads = 2}, [] { return timestamp_t{0}; });
  std::atomic<std::size_t> handled{0};
  constexpr std::size_t each = 500;
  {
    subscriber under_test(node, {.name = "mail"}, source, effects, [&](const auto& records, auto rows, auto done) {
      handled += records.size();
      ports::commit_request request;
      request.rows = std::move(rows);
      effects.reserve();
      effects.submit(std::move(request), [done](const auto&) { done({}); });
    });
    std::vector<std::thread> writers;
    for (shard_t i = 0; i < 4; ++i)
      writers.emplace_back([&, i] {
        for (std::size_t n = 0; n < each; ++n) {
          ports::commit_request request;
          request.shard = i % 2;
          request.events.push_back({domain::aggregate_kind::user, 1, 1, "bytes"});
          source.reserve();
          source.submit(std::move(request), {});
        }
      });
    for (auto& writer : writers) writer.join();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (under_test.status().lag > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    CHECK(under_test.status().lag == 0);
    CHECK(handled == 4 * each);
  }
  node.system().await_all_actors_done();
  CHECK(node.system().registry().running() == 0);
}

}  // namespace
}  // namespace social::events::test
