#include "http/auth/rate_limiter.hpp"
#include "http/auth/sign_in_guard.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http::auth;

namespace {
constexpr timestamp_t start = 1'700'000'000'000;
}

TEST_CASE("a bucket empties at once and fills over a minute", "[auth][rate]") {
  rate_limiter rate({.per_minute = 60});
  const auto key = rate.key_of_user(7);
  for (std::uint64_t left = 60; left-- > 0;) {
    const auto told = rate.take(key, start);
    CHECK(told.allowed);
    CHECK(told.remaining == left);
    CHECK(told.limit == 60);
  }
  const auto refused = rate.take(key, start + 999);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.retry_s == 1);
  CHECK(refused.reset_s == 60);
  CHECK(rate.take(key, start + 1000).allowed);
  CHECK_FALSE(rate.take(key, start + 1000).allowed);
  CHECK(rate.take(rate.key_of_user(8), start).allowed);
  CHECK(rate.take(key, start + 3'600'000).remaining == 59);
}

TEST_CASE("a clock that is set back neither gives nor takes", "[auth][rate]") {
  rate_limiter rate({.per_minute = 1});
  CHECK(rate.take(1, start).allowed);
  CHECK_FALSE(rate.take(1, start - 3'600'000).allowed);
}

TEST_CASE("addresses count by customer", "[auth][rate]") {
  const rate_limiter rate({.per_minute = 1});
  const auto key = [&](const char* text) { return rate.key_of_address(text); };
  CHECK(key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9"));
  CHECK(key("2001:db8:1:2::1") != key("2001:db8:1:3::1"));
  CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
  CHECK(key("192.0.2.1") != key("192.0.2.2"));
  CHECK(key("fe80::1%eth0") == key("fe80::2"));
  CHECK(key("") != key("something else that is far too long to be an address of any kind"));
}

TEST_CASE("many keys take the place of those used longest ago, in fixed memory", "[auth][rate]") {
  rate_limiter rate({.per_minute = 1, .entries_max = 8});
  CHECK(rate.take(1, start).allowed);
  for (std::uint64_t key = 2; key <= 8; ++key) rate.take(key, start + static_cast<timestamp_t>(key));
  CHECK_FALSE(rate.take(1, start + 9).allowed);
  rate.take(100, start + 10);  // takes the place of 2
  CHECK_FALSE(rate.take(1, start + 11).allowed);
  CHECK(rate.take(2, start + 12).allowed);
}

TEST_CASE("delays double up to their limit and are forgotten", "[auth][rate]") {
  sign_in_guard guard({.failures_free = 3, .delay_first_s = 1, .delay_max_s = 4, .forget_s = 60});
  timestamp_t now = start;
  CHECK(guard.begin("a", "x", now) == 0);
  CHECK(guard.begin("a", "x", now) == 0);
  CHECK(guard.begin("a", "x", now) == 0);
  for (const std::uint32_t expected : {1U, 2U, 4U, 4U}) {
    CHECK(guard.begin("a", "x", now) == expected);
    now += timestamp_t{expected} * 1000;
    CHECK(guard.begin("a", "x", now) == 0);
  }
  CHECK(guard.begin("a", "x", now + 60'001) == 0);
  CHECK(guard.begin("a", "x", now + 60'001) == 0);
}

TEST_CASE("nobody locks somebody else out", "[auth][rate]") {
  sign_in_guard guard({.failures_free = 2, .account_failures_free = 10});
  for (int i = 0; i < 100; ++i) guard.begin("harry", "attacker " + std::to_string(i), start);
  CHECK(guard.begin("harry", "home", start) == 0);
  CHECK(guard.begin("harry", "home", start) == 1);  // an account under attack has no second try for free
  CHECK(guard.begin("sally", "home", start) == 0);
  CHECK(guard.begin("sally", "home", start) == 0);
}

TEST_CASE("success and abandoned attempts are no failures", "[auth][rate]") {
  sign_in_guard guard({.failures_free = 2});
  for (int i = 0; i < 10; ++i) {
    CHECK(guard.begin("a", "x", start) == 0);
    guard.abandoned("a", "x");
    CHECK(guard.begin("a", "y", start) == 0);
    guard.succeeded("a", "y");
  }
}

TEST_CASE("the table of failures is bounded", "[auth][rate]") {
  sign_in_guard guard({.entries_max = 320});
  for (int i = 0; i < 5000; ++i) guard.begin("account " + std::to_string(i), "x", start);
  CHECK(guard.size() <= 320);
}
