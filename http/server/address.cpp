#include "http/server/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace social::http {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const ip_address& address) noexcept {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.bytes.begin());
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Proxies may add a port: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::string_view without_port(std::string_view text) noexcept {
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  const auto colon = text.find(':');
  return colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos ? text.substr(0, colon)
                                                                                                : text;
}

bool is_trusted(const ip_address& address, std::span<const address_range> trusted) noexcept {
  return std::any_of(trusted.begin(), trusted.end(), [&](const auto& range) { return range.contains(address); });
}

}  // namespace

std::string ip_address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (is_mapped(*this))
    inet_ntop(AF_INET, bytes.data() + mapped_prefix.size(), buffer.data(), buffer.size());
  else
    inet_ntop(AF_INET6, bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

std::size_t ip_address_hash::operator()(const ip_address& address) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, address.bytes.data(), sizeof high);
  std::memcpy(&low, address.bytes.data() + sizeof high, sizeof low);
  return std::hash<std::uint64_t>{}((high * 0x9e3779b97f4a7c15U) ^ low);
}

std::optional<ip_address> parse_address(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size()) return std::nullopt;
  std::copy(text.begin(), text.end(), terminated.begin());
  ip_address address;
  if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes.begin());
  if (inet_pton(AF_INET, terminated.data(), address.bytes.data() + mapped_prefix.size()) == 1) return address;
  return std::nullopt;
}

std::optional<address_range> address_range::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = parse_address(text.substr(0, slash));
  if (!base) return std::nullopt;
  address_range range;
  range.base_ = *base;
  if (slash == std::string_view::npos) return range;
  const auto digits = text.substr(slash + 1);
  const bool is_v4 = text.find(':') == std::string_view::npos;
  int bits = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (failed != std::errc{} || end != digits.data() + digits.size() || bits < 0 || bits > (is_v4 ? 32 : 128))
    return std::nullopt;
  range.bits_ = is_v4 ? bits + 96 : bits;
  return range;
}

bool address_range::contains(const ip_address& address) const noexcept {
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (!std::equal(base_.bytes.begin(), base_.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin()))
    return false;
  const int rest = bits_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (base_.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

ip_address client_of(const ip_address& peer, std::string_view forwarded_for, std::span<const address_range> trusted) {
  ip_address client = peer;
  while (!forwarded_for.empty() && is_trusted(client, trusted)) {
    const auto comma = forwarded_for.rfind(',');
    const auto last = comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1);
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
    const auto parsed = parse_address(without_port(trimmed(last)));
    if (!parsed) break;
    client = *parsed;
  }
  return client;
}

}  // namespace social::http
