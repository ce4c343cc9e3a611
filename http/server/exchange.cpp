#include "http/server/exchange.hpp"

#include <algorithm>

#include "http/server/target.hpp"

namespace social::http {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view request_head::find(std::string_view name) const noexcept {
  for (const auto& field : headers)
    if (same_name(field.name, name)) return field.value;
  return {};
}

std::size_t request_head::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const header& field) { return same_name(field.name, name); }));
}

bool request_head::query_value(std::string_view name, std::string& out) const {
  bool found = false;
  std::string decoded;
  for (std::string_view rest = query; !rest.empty();) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const auto equals = pair.find('=');
    if (!decode_query_part(pair.substr(0, equals), decoded) || decoded != name) continue;
    const auto value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    found = decode_query_part(value, out) || found;
  }
  return found;
}

}  // namespace social::http
