// The envelope, addresses, dates.
#include <nlohmann/json.hpp>

#include "http/server/address.hpp"
#include "http/server/envelope.hpp"
#include "http/server/response_writer.hpp"
#include "tests/support/catch.hpp"

using namespace social;
using namespace social::http;

TEST_CASE("envelope: success and failure have their exact form") {
  CHECK(success("[1]").body == R"({"success":true,"response":[1]})");
  CHECK(failure(error_code::post_not_found, "id").body ==
        R"({"success":false,"error":{"message":"There is no such post","status":404,"code":"post_not_found"}})");
  error invalid(error_code::invalid_input, "No");
  invalid.fields = {{"name", "too \"long\""}};
  CHECK(failure(invalid, "id").body ==
        R"({"success":false,"error":{"message":"No","status":400,"code":"invalid_input",)"
        R"("fields":[{"field":"name","reason":"too \"long\""}]}})");
}

TEST_CASE("envelope: every code has its status; 429 and 503 say when to come back; 500 says nothing") {
  for (const auto code : all_error_codes()) {
    const auto answer = failure({code, "/secret/path"}, "req-1");
    const auto body = nlohmann::json::parse(answer.body);
    CHECK(answer.status == describe(code).http_status);
    CHECK(body["error"]["status"] == answer.status);
    const bool retries = answer.status == 429 || answer.status == 503;
    CHECK((retries ? answer.headers.size() == 1 && answer.headers[0].name == "Retry-After" : answer.headers.empty()));
    CHECK((answer.status == 500) == (answer.body.find("/secret/path") == std::string::npos));
    CHECK((answer.status == 500) == body["error"].contains("requestId"));
  }
  error later(error_code::rate_limited);
  later.retry_after_s = 17;
  CHECK(failure(later, "").headers[0].value == "17");
}

TEST_CASE("addresses: ranges and forms") {
  const auto in = [](const char* range, const char* address) {
    return address_range::parse(range)->contains(*parse_address(address));
  };
  CHECK(in("10.0.0.0/8", "10.255.0.1"));
  CHECK(!in("10.0.0.0/8", "11.0.0.1"));
  CHECK(in("10.0.0.0/8", "::ffff:10.1.1.1"));
  CHECK(in("192.0.2.128/25", "192.0.2.255"));
  CHECK(!in("192.0.2.128/25", "192.0.2.127"));
  CHECK(in("0.0.0.0/0", "1.2.3.4"));
  CHECK(!in("0.0.0.0/0", "::1"));
  CHECK(in("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK(!in("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(in("::1", "[::1]"));
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::1/129", "name", "10.0.0.0/8x"})
    CHECK(!address_range::parse(bad));
  CHECK(parse_address("::ffff:192.0.2.1")->text() == "192.0.2.1");
  CHECK(parse_address("2001:DB8::1")->text() == "2001:db8::1");
}

TEST_CASE("dates: the example of RFC 9110") {
  date_line line;
  CHECK(line.at(784111777) == "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  CHECK(line.at(784111778) == "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}
