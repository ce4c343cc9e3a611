#include <string>

#include "actors/base/text.hpp"
#include "actors/kafka/iso_time.hpp"
#include "tests/support/catch.hpp"

using social::to_iso8601;
using social::kafka::parse_time;

TEST_CASE("what we write is read back", "[kafka][time]") {
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{951'782'400'000}, std::int64_t{951'868'799'999},
                                  std::int64_t{1'795'449'609'123}, std::int64_t{253'402'300'799'999}}) {
    CAPTURE(to_iso8601(time));
    CHECK(parse_time(to_iso8601(time)) == time);
  }
}

TEST_CASE("times of others are read as RFC 3339 has them", "[kafka][time]") {
  CHECK(parse_time("2026-11-24T01:00:09.123+09:00") == parse_time("2026-11-23T16:00:09.123Z"));
  CHECK(parse_time("2026-11-23T10:30:09.123-05:30") == parse_time("2026-11-23T16:00:09.123Z"));
  CHECK(parse_time("1970-01-01t00:00:01z") == 1000);
  CHECK(parse_time("1970-01-01T00:00:01.5Z") == 1500);
  CHECK(parse_time("1970-01-01T00:00:01.123456789Z") == 1123);
  CHECK(parse_time("2016-12-31T23:59:60Z") == parse_time("2017-01-01T00:00:00Z"));
  CHECK(parse_time("2024-02-29T00:00:00Z"));
}

TEST_CASE("what is no time is none", "[kafka][time]") {
  for (const std::string text : {"",
                                 "2026",
                                 "2026-11-23",
                                 "2026-11-23T16:00:09",
                                 "2026-11-23T16:00:09.Z",
                                 "2026-11-23T16:00:09Zx",
                                 "2026-11-23 16:00:09Z",
                                 "2026-13-01T00:00:00Z",
                                 "2026-00-01T00:00:00Z",
                                 "2025-02-29T00:00:00Z",
                                 "2026-11-31T00:00:00Z",
                                 "2026-11-23T24:00:00Z",
                                 "2026-11-23T23:60:00Z",
                                 "2026-11-23T23:00:61Z",
                                 "2026-11-23T16:00:09+9",
                                 "2026-11-23T16:00:09+24:00",
                                 "2026-11-23T16:00:09+09:60",
                                 "-026-11-23T16:00:09Z",
                                 "1969-12-31T23:59:59Z",
                                 "1970-01-01T00:00:00+00:01",
                                 "+1795449609123",
                                 "2026-11-23T16:00:09,1Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text));
  }
}
