// Names of requests: X-Request-Id and W3C trace context.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace social::http {

/// 1-128 of [A-Za-z0-9._-]: may be echoed into headers, logs and JSON as it is.
bool is_sane_request_id(std::string_view text) noexcept;

/// https://www.w3.org/TR/trace-context/ section 3.2, version 00: "00-<32 hex>-<16 hex>-<2 hex>", lower case, ids not
/// all zero.
bool is_valid_traceparent(std::string_view text) noexcept;

/// Makes ids that do not repeat. They name things and protect nothing: a fast generator, seeded by the system. One per
/// I/O thread.
class id_maker {
 public:
  id_maker();
  /// 32 lower-case hexadecimal digits, replacing what `out` holds.
  void request_id(std::string& out);
  void traceparent(std::string& out);

 private:
  std::uint64_t next() noexcept;
  std::uint64_t state_;
  std::uint64_t stream_;
};

}  // namespace social::http
