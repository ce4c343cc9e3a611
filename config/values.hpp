// The syntax of option values: reading, and writing back in the same syntax. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace social::config {

/// A whole number without sign, spaces or leading zeros.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// `250ms 5s 2m 48h`: a whole number and a unit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// In the largest unit that needs no fraction: 120000 ms is `2m`, 0 is `0s`.
std::string format_duration(std::chrono::milliseconds value);

/// Bytes: `100B 64KiB 19MiB 1GiB`.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// `true false on off`.
std::optional<bool> parse_toggle(std::string_view text);

/// A range of IP addresses (RFC 4632); one address is a range of its full length.
struct address_range {
  std::array<std::uint8_t, 16> bytes{};  ///< network byte order; 4 of them for IPv4; host bits are 0
  std::uint8_t prefix_bits = 0;
  bool v6 = false;

  /// `10.0.0.0/8`, `2001:db8::/32`.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const address_range&, const address_range&) = default;
};
std::optional<address_range> parse_address_range(std::string_view text);

/// An IPv4 or IPv6 address without brackets or zone, in its normal form.
std::optional<std::string> parse_address(std::string_view text);

/// `https://name[:port]` or `http://...` (RFC 6454), lower case, without a default port; a slash at the end is dropped.
std::optional<std::string> parse_origin(std::string_view text);

/// An origin and perhaps a path, without query, fragment, user info or a slash at the end.
std::optional<std::string> parse_base_url(std::string_view text);

/// `host:port,host` of Kafka's brokers, lower case; a port is 1-65535, IPv6 addresses are in brackets.
std::optional<std::string> parse_brokers(std::string_view text);

/// Letters, digits, `.`, `_` and `-`, at most 249 of them: what Kafka takes for topics.
bool is_plain_name(std::string_view text);

/// `KEY=VALUE`, in the order given.
using assignments = std::vector<std::pair<std::string, std::string>>;

/// The members of `a=1,b=2`. A comma begins the next member only where a key and `=` follow; elsewhere it belongs to
/// the value: `debug=broker,topic` is one member. nullopt: a member without a key.
std::optional<assignments> parse_assignments(std::string_view text);

/// An address with its port as in a URL: `http://127.0.0.1:8080`, `http://[::1]:8080`.
std::string http_url(std::string_view address, std::uint16_t port);

/// The parts between commas; no parts for an empty text.
std::vector<std::string> split_list(std::string_view text);

}  // namespace social::config
