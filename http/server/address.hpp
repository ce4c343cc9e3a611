// Network addresses as limits and trust need them. IPv4 is held as IPv4-mapped IPv6, so that one peer has one form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace social::http {

struct ip_address {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const ip_address&, const ip_address&) = default;

  /// IPv4 as four numbers, else IPv6; no zone, no port.
  [[nodiscard]] std::string text() const;
};

struct ip_address_hash {
  std::size_t operator()(const ip_address& address) const noexcept;
};

/// "192.0.2.1", "2001:db8::1", also in brackets. Numbers only.
std::optional<ip_address> parse_address(std::string_view text);

/// A block of addresses: "10.0.0.0/8", "::1", "fd00::/8".
class address_range {
 public:
  static std::optional<address_range> parse(std::string_view text);
  [[nodiscard]] bool contains(const ip_address& address) const noexcept;

 private:
  ip_address base_;
  int bits_ = 128;
};

/// The client's address: the peer's own, or, when a trusted proxy is the peer, the rightmost address of
/// `forwarded_for` (all X-Forwarded-For values in order, joined by commas) that no trusted proxy has. What stands left
/// of that was written by nobody we know.
ip_address client_of(const ip_address& peer, std::string_view forwarded_for, std::span<const address_range> trusted);

}  // namespace social::http
