// Which push endpoints may be contacted (no request forgery): the URL is judged at subscribe and again when sending,
// the address a name resolves to is judged at connect.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/result.hpp"

namespace social::push {

inline constexpr std::size_t endpoint_chars_max = 2048;

/// An IP address in network order; IPv4 uses the first four bytes.
struct ip_address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const ip_address&, const ip_address&) = default;
};

/// The parts of a URL that was judged. Whoever connects uses these parts, so that nobody parses the URL differently.
struct endpoint_parts {
  std::string scheme;  ///< "https", or "http" for an origin that is allowed so
  std::string host;    ///< lower case; an address in its usual spelling, IPv6 without brackets
  std::uint16_t port = 0;
  std::string origin;    ///< `scheme://host[:port]`, lower case, without the scheme's usual port: what VAPID calls aud
  std::string target;    ///< path and query; secret: never logged
  bool allowed = false;  ///< named by `allow_origins`: its addresses are not judged
};

struct endpoint_options {
  /// Exact origins that may be anything: http, an address, any port. For tests and private push services.
  std::vector<std::string> allow_origins{};
};

/// Judges the text of an endpoint, without a look-up. Errors: invalid_input, the message is a reason for `error.fields`
/// that repeats nothing of the path.
result<endpoint_parts> judge_endpoint(std::string_view url, const endpoint_options& options = {});

/// `https://push.example.net`, or with a port: the normal form of an origin, for comparing and for checking options.
/// Errors: invalid_input when it is no origin or has a path.
result<std::string> normalize_origin(std::string_view text);

/// True for an address no push service can have: this host, private and shared nets, link-local, multicast, reserved,
/// documentation and benchmark nets, and IPv6 spellings of such an IPv4 address.
bool is_forbidden_address(const ip_address& address) noexcept;
/// The same for text; text that is no address is forbidden, too.
bool is_forbidden_address(std::string_view text);

/// IPv4 as URLs spell it: 1 to 4 parts, decimal, octal (0...) or hexadecimal (0x...); the last part fills the rest.
std::optional<ip_address> parse_ipv4(std::string_view text);
/// IPv6 without brackets; no zone.
std::optional<ip_address> parse_ipv6(std::string_view text);
std::string to_text(const ip_address& address);

}  // namespace social::push
