#include "actors/push/address_check.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <span>

namespace social::push {
namespace {

error refused(std::string_view why) {
  error made(error_code::invalid_input);
  made.message.assign(why);  // moving a string in here makes g++ 12 see an overrun that is not there
  return made;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

struct net {
  std::array<std::uint8_t, 16> prefix;
  int bits;
};

bool lies_in(std::span<const std::uint8_t> address, const net& n) {
  const auto whole = static_cast<std::size_t>(n.bits / 8);
  if (!std::equal(n.prefix.begin(), n.prefix.begin() + static_cast<std::ptrdiff_t>(whole), address.begin()))
    return false;
  const int rest = n.bits % 8;
  return rest == 0 || ((n.prefix[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

// IANA's special-purpose registries (RFC 6890 and what was added since), plus multicast and the reserved class E.
constexpr auto forbidden_v4 = std::to_array<net>({
    {{0}, 8},              // this network; 0.0.0.0 reaches this host
    {{10}, 8},             // private
    {{100, 64}, 10},       // shared by carriers
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local; clouds serve their metadata here
    {{172, 16}, 12},       // private
    {{192, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 88, 99}, 24},   // 6to4 relays
    {{192, 168}, 16},      // private
    {{198, 18}, 15},       // benchmarks
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved, broadcast
});

constexpr net global_v6{{0x20}, 3};  // nothing outside 2000::/3 is a public unicast address, but for the translations
constexpr auto forbidden_v6 = std::to_array<net>({
    {{0x20, 0x01, 0x00}, 23},        // protocol assignments, among them Teredo
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x3f, 0xff, 0x00}, 20},        // documentation
});
constexpr net v4_mapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
constexpr net nat64{{0x00, 0x64, 0xff, 0x9b}, 96};
constexpr net six_to_four{{0x20, 0x02}, 16};

bool is_forbidden_v4(std::span<const std::uint8_t> address) {
  return std::ranges::any_of(forbidden_v4, [&](const net& n) { return lies_in(address, n); });
}

// RFC 6761 and its registry, and names that only mean something inside a site.
constexpr auto special_suffixes =
    std::to_array<std::string_view>({"localhost", "local", "localdomain", "internal", "intranet", "private", "corp",
                                     "home", "lan", "test", "invalid", "example", "onion", "alt", "arpa", "consul"});

std::string_view last_label(std::string_view host) {
  const auto dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

/// As browsers decide whether a host is an IPv4 address (WHATWG URL, "ends in a number").
bool ends_in_a_number(std::string_view host) {
  const auto label = last_label(host);
  if (label.empty()) return false;
  if (std::ranges::all_of(label, is_digit)) return true;
  return label.starts_with("0x") && std::ranges::all_of(label.substr(2), is_hex);
}

std::string problem_of_name(std::string_view host) {
  if (host.empty()) return "has no host";
  if (host.size() > 253) return "has a host name that is too long";
  if (host.back() == '.') return "must not end its host name with a dot";
  while (!host.empty()) {
    const auto label = host.substr(0, host.find('.'));
    if (label.empty() || label.size() > 63) return "has a malformed host name";
    const bool known = std::ranges::all_of(
        label, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; });
    if (!known || label.front() == '-' || label.back() == '-') return "has a malformed host name";
    host.remove_prefix(std::min(host.size(), label.size() + 1));
  }
  return {};
}

std::string problem_of_place(const endpoint_parts& parts, bool literal) {
  if (parts.scheme != "https") return "must be an https URL";
  if (literal) return "must name a host, not an address";
  if (parts.host.find('.') == std::string::npos) return "must name a public host";
  if (std::ranges::find(special_suffixes, last_label(parts.host)) != special_suffixes.end())
    return "must name a public host";
  if (parts.port != 443) return "must use port 443";
  return {};
}

struct split_url {
  endpoint_parts parts;
  bool literal = false;
};

/// The authority after `//`: host and port, no user.
std::string split_authority(std::string_view authority, split_url& url) {
  if (authority.find('@') != std::string_view::npos) return "must not have user info";
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return "has a malformed host";
    host = authority.substr(1, end - 1);
    const auto rest = authority.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return "has a malformed host";
    if (has_port) port = rest.substr(1);
    const auto address = parse_ipv6(host);  // refuses zones
    if (!address) return "has a malformed address";
    url.parts.host = to_text(*address);
    url.literal = true;
  } else {
    if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
      has_port = true;
    }
    url.parts.host = lowered(host);
    if (auto problem = problem_of_name(url.parts.host); !problem.empty()) return problem;
    if (ends_in_a_number(url.parts.host)) {
      const auto address = parse_ipv4(url.parts.host);
      if (!address) return "has a malformed address";
      url.parts.host = to_text(*address);
      url.literal = true;
    }
  }
  url.parts.port = url.parts.scheme == "http" ? 80 : 443;
  if (has_port) {
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), url.parts.port);
    if (failed != std::errc() || end != port.data() + port.size() || url.parts.port == 0 || port.front() == '0')
      return "has a malformed port";
  }
  return {};
}

std::string split(std::string_view text, split_url& url) {
  if (text.empty()) return "is missing";
  if (text.size() > endpoint_chars_max) return "has more than 2048 characters";
  const auto strange = [](char c) {
    return c <= ' ' || c >= 0x7f || std::string_view("\"<>\\`{}").find(c) != std::string_view::npos;
  };
  if (std::ranges::any_of(text, strange)) return "has characters that a URL cannot have";
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return "must be an https URL";
  url.parts.scheme = lowered(text.substr(0, colon));
  if (url.parts.scheme != "https" && url.parts.scheme != "http") return "must be an https URL";
  const auto rest = text.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  if (auto problem = split_authority(rest.substr(0, end), url); !problem.empty()) return problem;
  if (rest.find('#') != std::string_view::npos) return "must not have a fragment";
  auto& parts = url.parts;
  parts.target = rest.substr(end);
  if (!parts.target.starts_with('/')) parts.target.insert(parts.target.begin(), '/');
  const bool v6 = parts.host.find(':') != std::string::npos;
  parts.origin = parts.scheme + "://" + (v6 ? "[" + parts.host + "]" : parts.host);
  if (parts.port != (parts.scheme == "http" ? 80 : 443)) parts.origin += ":" + std::to_string(parts.port);
  return {};
}

}  // namespace

result<endpoint_parts> judge_endpoint(std::string_view text, const endpoint_options& options) {
  split_url url;
  if (auto problem = split(text, url); !problem.empty()) return refused(std::move(problem));
  url.parts.allowed = std::ranges::any_of(options.allow_origins, [&](const std::string& origin) {
    const auto normal = normalize_origin(origin);
    return normal && *normal == url.parts.origin;
  });
  if (!url.parts.allowed)
    if (auto problem = problem_of_place(url.parts, url.literal); !problem.empty()) return refused(std::move(problem));
  return std::move(url.parts);
}

result<std::string> normalize_origin(std::string_view text) {
  split_url url;
  if (auto problem = split(text, url); !problem.empty()) return refused(std::move(problem));
  if (url.parts.target != "/") return refused("must be an origin without a path");
  return std::move(url.parts.origin);
}

bool is_forbidden_address(const ip_address& address) noexcept {
  const std::span<const std::uint8_t> bytes(address.bytes);
  if (!address.v6) return is_forbidden_v4(bytes.first(4));
  if (lies_in(bytes, v4_mapped) || lies_in(bytes, nat64)) return is_forbidden_v4(bytes.subspan(12, 4));
  if (lies_in(bytes, six_to_four)) return is_forbidden_v4(bytes.subspan(2, 4));
  return !lies_in(bytes, global_v6) ||
         std::ranges::any_of(forbidden_v6, [&](const net& n) { return lies_in(bytes, n); });
}

bool is_forbidden_address(std::string_view text) {
  if (const auto v6 = parse_ipv6(text)) return is_forbidden_address(*v6);
  const auto v4 = parse_ipv4(text);
  return !v4 || is_forbidden_address(*v4);
}

std::optional<ip_address> parse_ipv4(std::string_view text) {
  std::array<std::uint64_t, 4> parts{};
  std::size_t count = 0;
  while (true) {
    if (count == parts.size()) return std::nullopt;
    const auto dot = std::min(text.find('.'), text.size());
    auto part = text.substr(0, dot);
    if (part.empty()) return std::nullopt;
    int base = 10;
    if (part.starts_with("0x") || part.starts_with("0X")) {
      base = 16;
      part.remove_prefix(2);
    } else if (part.size() > 1 && part.front() == '0') {
      base = 8;
      part.remove_prefix(1);
    }
    // "0x" alone is zero to a browser.
    if (!part.empty()) {
      const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), parts[count], base);
      if (failed != std::errc() || end != part.data() + part.size()) return std::nullopt;
    }
    ++count;
    if (dot == text.size()) break;
    text.remove_prefix(dot + 1);
  }
  std::uint64_t value = parts[count - 1];
  if (value >= std::uint64_t{1} << (8 * (5 - count))) return std::nullopt;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    if (parts[i] > 255) return std::nullopt;
    value |= parts[i] << (8 * (3 - i));
  }
  ip_address address;
  for (std::size_t i = 0; i < 4; ++i) address.bytes[i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
  return address;
}

std::optional<ip_address> parse_ipv6(std::string_view text) {
  ip_address address;
  address.v6 = true;
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  if (inet_pton(AF_INET6, std::string(text).c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::string to_text(const ip_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace social::push
