// Turns an answer into the bytes before its body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/server/exchange.hpp"

namespace social::http {

/// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110 section 5.6.7), made anew once a second.
class date_line {
 public:
  std::string_view at(std::int64_t seconds_since_epoch);

 private:
  std::int64_t second_ = -1;
  std::string line_;
};

enum class connection_line : std::uint8_t { none, close, keep_alive };

/// Appends status line and header section to `out`. A header of the handler whose name or value could break out of its
/// line is left out: better an answer with a header missing than one that somebody else wrote.
void append_head(std::string& out, const response& answer, std::string_view request_id, std::string_view date,
                 connection_line connection);

std::string_view reason_of(int status) noexcept;

/// 1xx, 204 and 304 have no body (RFC 9110 section 6.4.1).
constexpr bool has_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace social::http
