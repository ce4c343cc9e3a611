// One backup at a time, beside everything else that the process does.
#include <future>

#include "config/backup/keeper.hpp"
#include "tests/unit/config/backup/fixture.hpp"

namespace social::backup::test {
namespace {

/// A store whose copy waits until it may be made.
struct slow_store {
  source of(const std::string& name) {
    return {{name, "id", 64}, [this](const fs::path& to) -> result<void> {
              begun.set_value();
              allowed.get_future().wait();
              write_file(to / "CURRENT", "MANIFEST-1");
              return {};
            }};
  }
  std::promise<void> begun;
  std::promise<void> allowed;
};

struct answered {
  std::function<void(answer)> callback() {
    return [this](answer made) { promise.set_value(std::move(made)); };
  }
  answer wait() { return promise.get_future().get(); }
  std::promise<answer> promise;
};

}  // namespace

TEST_CASE("the push store is frozen before the api store", "[backup]") {
  world w;
  keeper backups(w.from());
  backups.add(w.store("api"));
  backups.add(w.store("push"));
  answered done;
  backups.start(w.target().string(), done.callback());
  const auto made = done.wait();
  CHECK(made.what == verdict::made);
  CHECK(made.text.find(R"("stores":["push","api"],"files":5,)") != std::string::npos);
  CHECK(w.frozen == std::vector<std::string>{"push", "api"});
  const auto statistics = backups.statistics();
  CHECK(statistics.made == 1);
  CHECK(statistics.last_success_ms > 0);
  CHECK(statistics.last_bytes > 0);
  CHECK_FALSE(statistics.running);
}

TEST_CASE("while a backup is made another one is refused", "[backup]") {
  world w;
  slow_store store;
  keeper backups(w.from());
  backups.add(store.of("api"));
  answered first;
  answered second;
  backups.start(w.target().string(), first.callback());
  store.begun.get_future().wait();
  CHECK(backups.statistics().running);
  backups.start((w.directory.path() / "other").string(), second.callback());
  CHECK(second.wait().what == verdict::busy);
  store.allowed.set_value();
  CHECK(first.wait().what == verdict::made);
  CHECK(w.entries() == 2);
}

TEST_CASE("a stop gives a backup up and waits for it", "[backup]") {
  world w;
  slow_store store;
  keeper backups(w.from());
  backups.add(store.of("api"));
  answered first;
  backups.start(w.target().string(), first.callback());
  store.begun.get_future().wait();
  std::thread stopping([&] { backups.stop(); });
  store.allowed.set_value();
  stopping.join();
  const auto outcome = first.wait();
  // The copy may have been through before the stop was asked for; it is never half.
  if (outcome.what == verdict::made) {
    CHECK(read_manifest(w.target()));
  } else {
    CHECK(outcome.what == verdict::stopping);
    CHECK(w.entries() == 1);
  }
  answered late;
  backups.start(w.target().string(), late.callback());
  CHECK(late.wait().what == verdict::stopping);
}

TEST_CASE("what cannot be made is counted and told", "[backup]") {
  world w;
  keeper backups(w.from());
  backups.add({{"api", "id", 64}, [](const fs::path&) -> result<void> { throw std::runtime_error("broken"); }});
  answered thrown;
  backups.start(w.target().string(), thrown.callback());
  const auto failure = thrown.wait();
  CHECK(failure.what == verdict::failed);
  CHECK(failure.text.find("broken") != std::string::npos);
  answered wrong;
  backups.start("relative", wrong.callback());
  CHECK(wrong.wait().what == verdict::refused);
  CHECK(backups.statistics().failed == 2);
  CHECK(w.entries() == 1);
}

}  // namespace social::backup::test
