#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "http/auth/password_pool.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http::auth;

namespace {

password_options cheap() {
  return {.threads = 1, .queue_max = 1, .memory_bytes = 8192, .passes = 1};
}

template <class T>
T get(std::future<T>& waiting) {
  REQUIRE(waiting.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  return waiting.get();
}

result<std::string> hash(password_pool& pool, const std::string& password) {
  std::promise<result<std::string>> done;
  auto waiting = done.get_future();
  pool.hash(password, [&](result<std::string> r) { done.set_value(std::move(r)); });
  return get(waiting);
}

result<bool> verify(password_pool& pool, const std::string& hash, const std::string& password) {
  std::promise<result<bool>> done;
  auto waiting = done.get_future();
  pool.verify(hash, password, [&](result<bool> r) { done.set_value(std::move(r)); });
  return get(waiting);
}

/// Keeps a thread of the pool busy until it is opened.
struct gate {
  std::promise<void> entered;
  std::promise<void> open;
  void hold(password_pool& pool) {
    pool.hash("password", [this](const result<std::string>&) {
      entered.set_value();
      open.get_future().wait();
    });
    auto inside = entered.get_future();
    REQUIRE(inside.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  }
};

}  // namespace

TEST_CASE("a password fits its own hash only", "[auth][password]") {
  password_pool pool(cheap());
  const auto first = hash(pool, "password");
  REQUIRE(first);
  CHECK(first->starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
  CHECK(*hash(pool, "password") != *first);
  CHECK(*verify(pool, *first, "password"));
  CHECK_FALSE(*verify(pool, *first, "Password"));
  CHECK_FALSE(*verify(pool, *first, std::string("password\0x", 10)));
  CHECK_FALSE(*verify(pool, "", "password"));
  CHECK_FALSE(*verify(pool, "$argon2id$broken", "password"));
}

TEST_CASE("nobody's password never fits", "[auth][password]") {
  password_pool pool(cheap());
  std::promise<result<bool>> done;
  auto waiting = done.get_future();
  pool.verify_nobody("", [&](result<bool> r) { done.set_value(std::move(r)); });
  CHECK_FALSE(*get(waiting));
}

TEST_CASE("a full queue refuses at once with Retry-After, and tells of it", "[auth][password]") {
  auto options = cheap();
  std::atomic<int> shed{0};
  options.shed = [&shed] { ++shed; };
  password_pool pool(options);
  gate busy;
  busy.hold(pool);
  std::promise<result<std::string>> queued;
  pool.hash("password", [&](result<std::string> r) { queued.set_value(std::move(r)); });
  CHECK(pool.waiting() == 1);
  CHECK(shed == 0);
  const auto refused = hash(pool, "password");
  CHECK(shed == 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == error_code::overloaded);
  CHECK(refused.error().retry_after_s == 1);
  busy.open.set_value();
  auto waiting = queued.get_future();
  CHECK(get(waiting));
}

TEST_CASE("stopping answers what waits and refuses what comes", "[auth][password]") {
  password_pool pool(cheap());
  gate busy;
  busy.hold(pool);
  std::promise<result<std::string>> queued;
  pool.hash("password", [&](result<std::string> r) {
    queued.set_value(std::move(r));
    busy.open.set_value();
  });
  pool.stop();
  auto waiting = queued.get_future();
  CHECK(get(waiting).error().code == error_code::shutting_down);
  CHECK(hash(pool, "password").error().code == error_code::shutting_down);
}
