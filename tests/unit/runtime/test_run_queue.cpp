// Who waits for work, who is woken for it, and that no work is forgotten.
#include <atomic>
#include <thread>

#include "actors/runtime/node.hpp"
#include "actors/runtime/run_queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/unit/runtime/probe.hpp"

namespace social::runtime::test {
namespace {

using social::test::eventually;
using namespace std::chrono_literals;

/// Something to be handed out; nobody resumes it here.
class job final : public caf::resumable {
 public:
  resume_result resume(caf::execution_unit*, std::size_t) override { return done; }
  void intrusive_ptr_add_ref_impl() override {}
  void intrusive_ptr_release_impl() override {}
  std::atomic<int> popped{0};
};

/// Threads that take jobs until the queue is closed.
class takers {
 public:
  takers(std::shared_ptr<run_queue> from, int count) : queue_(std::move(from)) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this] {
        while (auto* got = queue_->pop(nullptr)) {
          ++static_cast<job*>(got)->popped;
          ++taken;
        }
      });
  }
  ~takers() { end(); }
  void end() {
    queue_->close();
    for (auto& each : std::exchange(threads_, {})) each.join();
  }
  takers(const takers&) = delete;
  takers& operator=(const takers&) = delete;

  std::atomic<int> taken{0};

 private:
  std::shared_ptr<run_queue> queue_;
  std::vector<std::thread> threads_;
};

std::shared_ptr<run_queue> make(std::size_t threads, std::chrono::microseconds doze = 1h) {
  return std::make_shared<run_queue>(run_queue::options{.threads = threads, .backlog_max = 4, .doze = doze});
}

TEST_CASE("jobs are handed out in their order, also after the end", "[runtime]") {
  const auto queue = make(1);
  std::array<job, 3> jobs;
  queue->push(&jobs[0]);
  queue->push(&jobs[1]);
  CHECK(queue->pop(&jobs[2]) == &jobs[0]);
  queue->close();
  CHECK(queue->pop(nullptr) == &jobs[1]);
  CHECK(queue->try_pop() == &jobs[2]);
  CHECK(queue->try_pop() == nullptr);
  CHECK(queue->pop(nullptr) == nullptr);
}

TEST_CASE("when nobody is at work, what comes wakes one", "[runtime]") {
  const auto queue = make(1);
  takers one(queue, 1);
  REQUIRE(eventually([&] { return queue->look().waiting == 1; }));
  CHECK(queue->look().dozing == 0);
  job first;
  queue->push(&first);
  CHECK(eventually([&] { return one.taken == 1; }));
  CHECK(queue->look().woken == 1);
}

TEST_CASE("while others are at work, one that dozes is woken only for many", "[runtime]") {
  const auto queue = make(2);  // this thread is the other, at work all the time
  takers one(queue, 1);
  REQUIRE(eventually([&] { return queue->look().dozing == 1; }));
  std::array<job, 4> jobs;
  for (int i = 0; i < 3; ++i) queue->push(&jobs[static_cast<std::size_t>(i)]);
  CHECK(queue->look().woken == 0);
  CHECK(queue->look().queued == 3);
  queue->push(&jobs[3]);
  CHECK(eventually([&] { return one.taken == 4; }));
  CHECK(queue->look().woken == 1);
}

TEST_CASE("one dozes for all that wait", "[runtime]") {
  const auto queue = make(4);  // this thread is one, at work all the time
  takers three(queue, 3);
  REQUIRE(eventually([&] { return queue->look().waiting == 3; }));
  CHECK(queue->look().dozing == 1);
  std::array<job, 4> jobs;
  for (int i = 0; i < 3; ++i) queue->push(&jobs[static_cast<std::size_t>(i)]);
  CHECK(queue->look().woken == 0);
  queue->push(&jobs[3]);
  CHECK(eventually([&] { return three.taken == 4; }));
  CHECK(queue->look().woken >= 1);
}

TEST_CASE("one that dozes looks again by itself", "[runtime]") {
  const auto queue = make(2, 1ms);
  takers one(queue, 1);
  REQUIRE(eventually([&] { return queue->look().dozing == 1; }));
  job first;
  queue->push(&first);
  CHECK(eventually([&] { return one.taken == 1; }));
  CHECK(queue->look().woken <= 1);  // it may not have begun to doze again
}

TEST_CASE("when all have slept long enough nobody dozes, and one job wakes one thread", "[runtime]") {
  const auto queue = make(3, 1ms);
  takers three(queue, 3);
  const auto asleep = [&] {
    const auto now = queue->look();
    return now.waiting == 3 && now.dozing == 0;
  };
  REQUIRE(eventually(asleep));
  job first;
  queue->push(&first);
  CHECK(eventually([&] { return three.taken == 1; }));
  CHECK(queue->look().woken == 1);
  CHECK(eventually(asleep));
}

TEST_CASE("a batch wakes once, at its end", "[runtime]") {
  const auto queue = make(1);
  takers one(queue, 1);
  REQUIRE(eventually([&] { return queue->look().waiting == 1; }));
  std::array<job, 4> jobs;
  {
    const wake_batch outer;
    {
      const wake_batch inner;
      for (int i = 0; i < 3; ++i) queue->push(&jobs[static_cast<std::size_t>(i)]);
    }
    CHECK(queue->look().woken == 0);
    CHECK(queue->look().queued == 3);
  }
  CHECK(eventually([&] { return one.taken == 3; }));
  CHECK(queue->look().woken == 1);
}

TEST_CASE("what one leaves in the queue while it is busy is taken by one that sleeps", "[runtime]") {
  const auto queue = make(2, 1ms);
  std::array<job, 2> jobs;
  std::atomic<bool> stuck{false};
  std::vector<std::thread> threads;
  threads.reserve(2);
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (auto* got = queue->pop(nullptr)) {
        ++static_cast<job*>(got)->popped;
        // The first is not done before the second has been taken.
        if (got == &jobs[0] && !eventually([&] { return jobs[1].popped == 1; })) stuck = true;
      }
    });
  REQUIRE(eventually([&] {
    const auto now = queue->look();
    return now.waiting == 2 && now.dozing == 0;
  }));
  {
    const wake_batch together;
    for (auto& each : jobs) queue->push(&each);
  }
  CHECK(eventually([&] { return jobs[1].popped == 1; }));
  queue->close();
  for (auto& each : threads) each.join();
  CHECK_FALSE(stuck);
}

TEST_CASE("a batch does not hold back many", "[runtime]") {
  const auto queue = make(1);
  takers one(queue, 1);
  REQUIRE(eventually([&] { return queue->look().waiting == 1; }));
  std::array<job, 4> jobs;
  const wake_batch together;
  for (auto& each : jobs) queue->push(&each);
  CHECK(eventually([&] { return one.taken == 4; }));
}

TEST_CASE("of many threads that hand out and many that take, no job is lost or taken twice", "[runtime]") {
  constexpr std::size_t givers = 4;
  constexpr std::size_t jobs_each = 20'000;
  const auto threads = GENERATE(1, 2, 8);
  const auto queue = std::make_shared<run_queue>(run_queue::options{.threads = static_cast<std::size_t>(threads)});
  std::vector<job> jobs(givers * jobs_each);
  takers all(queue, threads);
  std::vector<std::thread> giving;
  giving.reserve(givers);
  for (std::size_t giver = 0; giver < givers; ++giver)
    giving.emplace_back([&, giver] {
      for (std::size_t i = 0; i < jobs_each;) {
        // Bursts of all sizes; now and then everybody falls asleep before the next.
        const wake_batch together;
        for (auto left = i % 37 + 1; left > 0 && i < jobs_each; --left, ++i) queue->push(&jobs[giver * jobs_each + i]);
      }
    });
  for (auto& each : giving) each.join();
  CHECK(eventually([&] { return all.taken == static_cast<int>(jobs.size()); }));
  all.end();
  CHECK(std::all_of(jobs.begin(), jobs.end(), [](const job& each) { return each.popped == 1; }));
}

TEST_CASE("one job at a time, each waited for: none is forgotten by threads that fall asleep", "[runtime]") {
  const auto queue = std::make_shared<run_queue>(run_queue::options{.threads = 2, .doze = 50us});
  takers two(queue, 2);
  std::vector<job> jobs(5'000);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (i % 2 == 0) {
      queue->push(&jobs[i]);
    } else {
      const wake_batch together;
      queue->push(&jobs[i]);
    }
    while (two.taken != static_cast<int>(i) + 1) std::this_thread::yield();
  }
}

// --- with actors

TEST_CASE("two actors that keep each other busy keep nobody else waiting", "[runtime]") {
  const auto threads = GENERATE(std::size_t{1}, std::size_t{2});
  node system({.threads = threads}, [] { return timestamp_t{1}; });
  auto one = system.system().spawn<probe>(system.context(), 1);
  auto two = system.system().spawn<probe>(system.context(), 2);
  auto other = system.system().spawn<probe>(system.context(), 3);
  std::atomic<bool> enough{false};
  std::atomic<std::uint64_t> volleys{0};
  std::function<void()> hit = [&] {
    ++volleys;
    if (enough) return;
    caf::anon_send(two, work{[&] {
                               if (!enough) caf::anon_send(one, work{hit, {}});
                             },
                             {}});
  };
  caf::anon_send(one, work{hit, {}});
  CHECK(eventually([&] { return volleys > 100; }));
  std::atomic<int> answered{0};
  for (int i = 0; i < 100; ++i) {
    caf::anon_send(other, work{[&] { ++answered; }, {}});
    CHECK(eventually([&] { return answered == i + 1; }));
  }
  enough = true;
  // Both have done what they were asked once they hear this.
  std::atomic<int> quiet{0};
  const auto heard = [&quiet] { ++quiet; };
  CHECK(eventually([&] {
    const auto before = volleys.load();
    quiet = 0;
    for (const auto& each : {one, two}) caf::anon_send(each, work{heard, {}});
    return eventually([&] { return quiet == 2; }) && before == volleys;
  }));
  CHECK(eventually([&] { return system.run_queue_numbers().waiting == threads; }));
  for (auto* each : {&one, &two, &other}) {
    caf::anon_send_exit(*each, caf::exit_reason::user_shutdown);
    *each = nullptr;
  }
}

}  // namespace
}  // namespace social::runtime::test
