// For whom the commit thread waits on a slow disk.
#include <thread>

#include "storage/commit_queue.hpp"
#include "storage/gathering.hpp"
#include "tests/unit/storage/fixture.hpp"

namespace social::storage::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

void push(commit_queue& queue) {
  pending_request one;
  REQUIRE(queue.push(one));
}

}  // namespace

TEST_CASE("on a quick disk nobody is waited for", "[storage]") {
  gathering g;
  CHECK(g.wanted() == 0);
  g.synced(1999us, 300, 200, 1000);
  CHECK(g.wanted() == 0);
}

TEST_CASE("on a slow disk those whom the last sync answered are waited for, together with who waits already",
          "[storage]") {
  gathering g;
  g.synced(15ms, 300, 200, 1000);
  CHECK(g.wanted() == 500);
  CHECK(g.patience() == 15ms);
  CHECK(g.step() == 3750us);
  g.synced(15ms, 300, 200, 400);
  CHECK(g.wanted() == 400);  // one batch takes no more
  g.synced(15ms, 1, 0, 1000);
  CHECK(g.wanted() == 1);  // one who writes alone has nobody to wait for
  g.not_synced();
  CHECK(g.wanted() == 0);
}

TEST_CASE("waiting ends when all are there, and when they do not come any more", "[storage]") {
  gathering g;
  g.synced(15ms, 640, 0, 1000);
  CHECK(g.goes_on(100, 110));
  CHECK_FALSE(g.goes_on(100, 109));
  CHECK_FALSE(g.goes_on(100, 100));
  CHECK_FALSE(g.goes_on(600, 640));
  CHECK_FALSE(g.goes_on(600, 700));
}

TEST_CASE("a queue is waited for until so many are there, and nothing is taken", "[storage]") {
  commit_queue queue(10);
  CHECK_FALSE(queue.wait_for(1, clock::now()));
  push(queue);
  CHECK(queue.wait_for(1, clock::now()));
  CHECK_FALSE(queue.wait_for(2, clock::now() + 1ms));
  CHECK(queue.waiting() == 1);
  bool there = false;
  std::thread waits([&] { there = queue.wait_for(3, clock::now() + 60s); });
  push(queue);
  push(queue);
  waits.join();
  CHECK(there);
  std::vector<pending_request> taken;
  queue.take(taken, clock::now());
  CHECK(taken.size() == 3);
  CHECK(queue.waiting() == 0);
}

TEST_CASE("a stop ends waiting", "[storage]") {
  commit_queue queue(10);
  push(queue);
  bool there = true;
  std::thread waits([&] { there = queue.wait_for(2, clock::now() + 60s); });
  queue.wake();
  waits.join();
  CHECK_FALSE(there);
  CHECK(queue.waiting() == 1);
}

}  // namespace social::storage::test
