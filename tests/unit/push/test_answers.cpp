#include "actors/push/answers.hpp"
#include "tests/support/catch.hpp"

namespace social::push {
namespace {

constexpr timestamp_t now = 784'111'777'000;  // Sun, 06 Nov 1994 08:49:37 GMT

ports::push_answer status(int code, std::string retry_after = "") {
  ports::push_answer a;
  a.status = code;
  a.retry_after = std::move(retry_after);
  return a;
}
ports::push_answer failure(std::string what) {
  ports::push_answer a;
  a.failure = std::move(what);
  return a;
}
verdict of(const ports::push_answer& a) {
  return judge(a, now, 1'000'000).what;
}

}  // namespace

TEST_CASE("what each answer means") {
  for (const int code : {200, 201, 202, 204, 299}) CHECK(of(status(code)) == verdict::accepted);
  for (const int code : {404, 410}) CHECK(of(status(code)) == verdict::gone);
  for (const int code : {400, 401, 403}) CHECK(of(status(code)) == verdict::refused);
  CHECK(of(status(413)) == verdict::too_large);
  for (const int code : {301, 302, 307, 308, 100, 402, 405, 422}) CHECK(of(status(code)) == verdict::rejected);
  for (const int code : {500, 502, 503, 504, 507}) CHECK(of(status(code)) == verdict::failed);
  for (const int code : {408, 429}) CHECK(of(status(code)) == verdict::slow_down);
  for (const int code : {408, 429, 503}) CHECK(of(status(code, "7")) == verdict::wait);
  CHECK(of(status(500, "7")) == verdict::failed);
  for (const auto* what : {"connect", "tls", "timeout", "closed", "protocol", ""})
    CHECK(of(failure(what)) == verdict::failed);
  CHECK(of(failure("address_forbidden")) == verdict::undeliverable);
  CHECK(of(failure("shutdown")) == verdict::interrupted);
}

TEST_CASE("Retry-After is seconds or a date in any of its forms") {
  CHECK(parse_retry_after("120", now) == 120'000);
  CHECK(parse_retry_after(" 0 ", now) == 0);
  CHECK(parse_retry_after("99999999999999999999", now) > 1'000'000'000);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now) == 10'000);
  CHECK(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now) == 60'000);
  CHECK(parse_retry_after("Sun Nov  6 09:49:37 1994", now) == 3'600'000);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0);
  for (const auto* text : {"", "soon", "-5", "1.5", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
                           "Sun, 06 Now 1994 08:49:37 GMT", "06 Nov 1994"})
    CHECK_FALSE(parse_retry_after(text, now));
}

TEST_CASE("a wait is bounded, and a date that has passed is none") {
  CHECK(judge(status(429, "3600"), now, 1000).wait_ms == 1000);
  CHECK(of(status(429, "Sun, 06 Nov 1994 08:00:00 GMT")) == verdict::slow_down);
  CHECK(of(status(503, "nonsense")) == verdict::failed);
}

TEST_CASE("back-off doubles from a second to a quarter of an hour, with full jitter") {
  const auto longest = [](std::uint32_t failures) {
    std::int64_t most = 0;
    for (std::uint64_t random = 0; random < 2'000'000; random += 997)
      most = std::max(most, jittered_ms(failures, 1000, 900'000, random));
    return most;
  };
  CHECK(longest(1) > 990);
  CHECK(longest(1) <= 1000);
  CHECK(longest(2) > 1990);
  CHECK(longest(2) <= 2000);
  CHECK(longest(5) <= 16'000);
  CHECK(longest(11) <= 900'000);
  CHECK(longest(4'000'000'000U) <= 900'000);
  CHECK(jittered_ms(3, 1000, 900'000, 0) == 0);
}

TEST_CASE("a retry is never later than a last try before the end") {
  CHECK(next_attempt(1, 1000, 60'000, 1000, 900'000, 500) == 1500);
  CHECK(next_attempt(20, 1000, 60'000, 1000, 900'000, 899'999) == 59'000);
  CHECK(next_attempt(1, 59'500, 60'000, 1000, 900'000, 0) == std::nullopt);
}

TEST_CASE("origins fall into few classes") {
  CHECK(origin_class("https://fcm.googleapis.com", false) == "fcm");
  CHECK(origin_class("https://updates.push.services.mozilla.com", false) == "mozilla");
  CHECK(origin_class("https://web.push.apple.com", false) == "apple");
  CHECK(origin_class("https://db5p.notify.windows.com", false) == "windows");
  CHECK(origin_class("https://push.example.net", false) == "other");
  CHECK(origin_class("https://push.example.net", true) == "allowed");
}

}  // namespace social::push
