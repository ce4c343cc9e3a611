#include "config/values.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <limits>

#include "actors/base/text.hpp"

namespace social::config {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

// Ascending; a longer name stands before one that it ends with.
constexpr std::array<unit, 4> duration_units = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<unit, 4> size_units = {{{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}};

/// Digits, then exactly one of the units. Values stay below 2^53, far from any overflow of what is made of them.
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<unit, 4>& units) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_count(text.substr(0, digits));
  if (!number) return std::nullopt;
  for (const auto& [name, factor] : units) {
    if (text.substr(digits) != name) continue;
    constexpr std::uint64_t highest = std::uint64_t{1} << 53;
    if (*number > highest / factor) return std::nullopt;
    return *number * factor;
  }
  return std::nullopt;
}

std::string format_with_unit(std::uint64_t value, const std::array<unit, 4>& units) {
  const unit* best = &units.front();
  for (const auto& candidate : units)
    if (value % candidate.factor == 0) best = &candidate;
  return std::to_string(value / best->factor).append(best->name);
}

bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/// `name`, `127.0.0.1` or `[::1]`, each perhaps with a port, in lower case; without the scheme's default port.
std::optional<std::string> parse_authority(std::string_view text, std::string_view default_port) {
  std::string_view host = text;
  std::string_view port;
  const auto bracket = text.rfind(']');
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const auto number = parse_count(port);
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
  }
  std::string normal;
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return std::nullopt;
    const auto address = parse_address(host.substr(1, host.size() - 2));
    if (!address || address->find(':') == std::string::npos) return std::nullopt;
    normal = "[" + *address + "]";
  } else {
    normal = ascii_lower(host);
    if (normal.empty() || normal.size() > 253 || !std::ranges::all_of(normal, is_host_character)) return std::nullopt;
  }
  if (!port.empty() && port != default_port) normal.append(":").append(port);
  return normal;
}

/// Cuts `http://` or `https://` off; the empty text: neither.
std::string_view take_scheme(std::string_view& text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (ascii_lower(text.substr(0, scheme.size())) != scheme) continue;
    text.remove_prefix(scheme.size());
    return scheme;
  }
  return {};
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto number = parse_with_unit(text, duration_units);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(*number);
}

std::string format_duration(std::chrono::milliseconds value) {
  if (value.count() == 0) return "0s";
  return format_with_unit(static_cast<std::uint64_t>(value.count()), duration_units);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, size_units);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  return format_with_unit(bytes, size_units);
}

std::optional<bool> parse_toggle(std::string_view text) {
  if (text == "true" || text == "on") return true;
  if (text == "false" || text == "off") return false;
  return std::nullopt;
}

std::string address_range::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size());
  return std::string(buffer.data()).append("/").append(std::to_string(prefix_bits));
}

std::optional<address_range> parse_address_range(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  address_range range;
  if (inet_pton(AF_INET, address.c_str(), range.bytes.data()) != 1) {
    if (inet_pton(AF_INET6, address.c_str(), range.bytes.data()) != 1) return std::nullopt;
    range.v6 = true;
  }
  const std::uint64_t full = range.v6 ? 128 : 32;
  const auto prefix = slash == std::string_view::npos ? full : parse_count(text.substr(slash + 1));
  if (!prefix || *prefix > full) return std::nullopt;
  range.prefix_bits = static_cast<std::uint8_t>(*prefix);
  for (std::uint64_t bit = *prefix; bit < full; ++bit)
    range.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  return range;
}

std::optional<std::string> parse_address(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return std::nullopt;
  const auto range = parse_address_range(text);
  if (!range) return std::nullopt;
  const auto normal = range->text();
  return normal.substr(0, normal.find('/'));
}

std::optional<std::string> parse_origin(std::string_view text) {
  const auto scheme = take_scheme(text);
  if (scheme.empty()) return std::nullopt;
  if (text.ends_with('/')) text.remove_suffix(1);
  const auto authority = parse_authority(text, scheme == "https://" ? "443" : "80");
  if (!authority) return std::nullopt;
  return std::string(scheme).append(*authority);
}

std::optional<std::string> parse_base_url(std::string_view text) {
  auto rest = text;
  const auto scheme = take_scheme(rest);
  const auto slash = std::min(rest.find('/'), rest.size());
  auto origin = parse_origin(text.substr(0, scheme.size() + slash));
  if (scheme.empty() || !origin) return std::nullopt;
  auto path = rest.substr(slash);
  if (path.ends_with('/')) path.remove_suffix(1);
  for (const char c : path)
    if (c <= ' ' || c == '?' || c == '#' || c == '<' || c == '>' || c == '"' || c == '\\' || c == 0x7f)
      return std::nullopt;
  return origin->append(path);
}

std::optional<std::string> parse_brokers(std::string_view text) {
  constexpr std::size_t brokers_max = 64;
  const auto parts = split_list(text);
  std::string all;
  for (const auto& part : parts) {
    const auto broker = parse_authority(part, "");
    if (!broker) return std::nullopt;
    all.append(all.empty() ? "" : ",").append(*broker);
  }
  if (parts.empty() || parts.size() > brokers_max) return std::nullopt;
  return all;
}

bool is_plain_name(std::string_view text) {
  constexpr std::size_t characters_max = 249;
  if (text.empty() || text.size() > characters_max) return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

std::optional<assignments> parse_assignments(std::string_view text) {
  assignments all;
  for (const auto& part : split_list(text)) {
    const auto equals = part.find('=');
    if (equals != std::string::npos && is_plain_name(std::string_view(part).substr(0, equals))) {
      all.emplace_back(part.substr(0, equals), part.substr(equals + 1));
      continue;
    }
    if (all.empty()) return std::nullopt;
    all.back().second.append(",").append(part);
  }
  if (all.empty()) return std::nullopt;
  return all;
}

std::string http_url(std::string_view address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string_view::npos;
  std::string url = "http://";
  url.append(v6 ? "[" : "").append(address).append(v6 ? "]" : "");
  return url.append(":").append(std::to_string(port));
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    if (comma + 1 == text.size()) parts.emplace_back();  // a comma at the end: an empty part, which no option takes
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace social::config
