#include "actors/base/error.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

#include "actors/base/result.hpp"
#include "tests/support/catch.hpp"

using namespace social;

TEST_CASE("every code has a number and a word of its own, an HTTP status and a text", "[base][error]") {
  std::set<std::uint16_t> numbers;
  std::set<std::string_view> words;
  for (const auto code : all_error_codes()) {
    const auto [status, word, text] = describe(code);
    CAPTURE(static_cast<int>(code), word);
    CHECK(numbers.insert(static_cast<std::uint16_t>(code)).second);
    CHECK(words.insert(word).second);
    CHECK(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK_FALSE(text.empty());
    CHECK(status >= 400);
    CHECK(status < 600);
    CHECK(status != 422);
  }
  CHECK(std::ranges::is_sorted(all_error_codes()));
}

TEST_CASE("numbers, words and statuses are frozen", "[base][error]") {
  struct row {
    int number;
    std::string_view word;
    int status;
  };
  const std::vector<row> frozen = {
      {100, "invalid_input", 400},
      {101, "malformed_json", 400},
      {102, "malformed_request", 400},
      {103, "body_too_large", 413},
      {104, "unsupported_media_type", 415},
      {105, "header_too_large", 431},
      {106, "target_too_long", 414},
      {107, "request_timeout", 408},
      {200, "unauthorized", 401},
      {201, "bad_credential", 401},
      {202, "forbidden", 403},
      {300, "route_not_found", 404},
      {301, "method_not_allowed", 405},
      {302, "user_not_found", 404},
      {303, "post_not_found", 404},
      {304, "comment_not_found", 404},
      {305, "connection_not_found", 404},
      {306, "subscription_not_found", 404},
      {307, "actor_not_active", 404},
      {308, "not_found", 404},
      {400, "email_taken", 409},
      {401, "idempotency_key_reused", 409},
      {402, "too_many_devices", 409},
      {500, "rate_limited", 429},
      {501, "overloaded", 503},
      {502, "store_unavailable", 503},
      {503, "unavailable", 503},
      {504, "outcome_unknown", 503},
      {505, "shutting_down", 503},
      {599, "internal", 500},
      {600, "corrupt_record", 500},
      {601, "store_locked", 500},
      {602, "store_damaged", 500},
      {603, "store_mismatch", 500},
      {604, "io_error", 500},
  };
  for (const auto& [number, word, status] : frozen) {
    CAPTURE(number);
    const auto description = describe(static_cast<error_code>(number));
    CHECK(description.word == word);
    CHECK(description.http_status == status);
  }
  // A new code is added here, too; none is ever taken away.
  CHECK(all_error_codes().size() == frozen.size());
}

TEST_CASE("both wrong credentials and a missing token read as the original server says", "[base][error]") {
  CHECK(error(error_code::unauthorized).text() == "Authentication error (cause: unauthorized)");
  CHECK(error(error_code::bad_credential).text() == "Authentication error (cause: Bad credential)");
  CHECK(error(error_code::forbidden).text() == "Authentication error (cause: forbidden)");
}

TEST_CASE("an unknown number is an internal error", "[base][error]") {
  CHECK(describe(static_cast<error_code>(9999)).word == "internal");
  CHECK(describe(static_cast<error_code>(0)).http_status == 500);
}

TEST_CASE("an error speaks for its code unless it has a message", "[base][error]") {
  CHECK(error(error_code::post_not_found).text() == "There is no such post");
  CHECK(error(error_code::post_not_found, "gone").text() == "gone");
  CHECK(error().code == error_code::internal);
  error refusal(error_code::invalid_input);
  refusal.fields = {{"name", "is short"}, {"auth", "is long"}};
  std::ostringstream shown;
  shown << refusal;
  CHECK(shown.str() == "invalid_input: The request has invalid fields [name is short] [auth is long]");
  const result<int> failed = error_code::forbidden;
  CHECK_THROWS_AS(failed.value(), std::logic_error);
}
