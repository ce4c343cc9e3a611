// The one error enum of the project. Numbers are frozen: they reach disk (idempotency rows, dead letters) and logs.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace social {

/// Every way a request can be refused or fail. A new value gets a new number at the end of its block and a row in
/// error.cpp; a number is never reused.
enum class error_code : std::uint16_t {
  // 1xx: the caller's input
  invalid_input = 100,      ///< one or more fields violate their rules; `fields` names each
  malformed_json = 101,     ///< not JSON, duplicate or over-deep members, invalid UTF-8, NUL
  malformed_request = 102,  ///< not HTTP as we accept it, bad multipart
  body_too_large = 103,
  unsupported_media_type = 104,
  header_too_large = 105,
  target_too_long = 106,
  request_timeout = 107,
  // 2xx: who may
  unauthorized = 200,
  bad_credential = 201,
  forbidden = 202,
  // 3xx: what is not there
  route_not_found = 300,
  method_not_allowed = 301,
  user_not_found = 302,
  post_not_found = 303,
  comment_not_found = 304,
  connection_not_found = 305,
  subscription_not_found = 306,
  actor_not_active = 307,
  not_found = 308,
  // 4xx: conflicts
  email_taken = 400,
  idempotency_key_reused = 401,
  too_many_devices = 402,
  // 5xx: load and trouble
  rate_limited = 500,
  overloaded = 501,         ///< shed at a limit; nothing was done
  store_unavailable = 502,  ///< the store takes no writes; nothing was done
  unavailable = 503,        ///< a role that is needed cannot be asked; nothing was done
  outcome_unknown = 504,    ///< may or may not have happened
  shutting_down = 505,
  internal = 599,
  // 6xx: data at rest
  corrupt_record = 600,  ///< bytes that do not decode; the message names table and key
  store_locked = 601,
  store_damaged = 602,
  store_mismatch = 603,  ///< other shard count, newer format
  io_error = 604,
};

/// What the outside sees of a code.
struct error_description {
  int http_status;        ///< 4xx or 5xx
  std::string_view word;  ///< stable machine-readable word, `error.code` in answers
  std::string_view text;  ///< default message
};

/// Total: an unknown number is described as `internal`.
error_description describe(error_code code) noexcept;

/// All codes in ascending order, for tests and documentation.
std::span<const error_code> all_error_codes() noexcept;

struct field_error {
  std::string field;
  std::string reason;
  friend bool operator==(const field_error&, const field_error&) = default;
};

/// A code, a sentence for people, and the violated fields (only with `invalid_input`).
struct error {
  error_code code = error_code::internal;
  std::string message;  ///< empty: the code's default text
  std::vector<field_error> fields;
  int retry_after_s = 0;  ///< seconds; 0: none

  error() = default;
  error(error_code c) : code(c) {}  // NOLINT(google-explicit-constructor): `return error_code::x` reads best
  error(error_code c, std::string m) : code(c), message(std::move(m)) {}

  /// The message, or the code's default text.
  [[nodiscard]] std::string_view text() const noexcept { return message.empty() ? describe(code).text : message; }
  friend bool operator==(const error&, const error&) = default;
};

/// For logs and tests: the word, the text and the violated fields.
std::ostream& operator<<(std::ostream& out, const error& e);

}  // namespace social
