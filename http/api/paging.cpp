#include "http/api/paging.hpp"

#include <charconv>

#include "actors/base/base64.hpp"
#include "http/api/json_fields.hpp"

namespace social::http {
namespace {

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "p123": the list and the last id that was seen.
std::string make_cursor(char list, id_t last) {
  return base64url_encode(list + std::to_string(last));
}

std::optional<id_t> read_cursor(char list, std::string_view text) {
  constexpr std::size_t cursor_bytes_max = 64;
  if (text.size() > cursor_bytes_max) return std::nullopt;
  const auto plain = base64_decode(text);
  if (!plain || plain->empty() || plain->front() != list) return std::nullopt;
  const auto id = parse_id(std::string_view(*plain).substr(1));
  if (id == 0) return std::nullopt;
  return id;
}

std::string range(std::size_t from, std::size_t to) {
  return "must be a number from " + std::to_string(from) + " to " + std::to_string(to);
}

}  // namespace

result<page> read_page(const request_head& head, const page_rules& rules) {
  page wanted;
  wanted.limit = rules.limit_default;
  if (head.query.empty()) return wanted;
  std::vector<field_error> wrong;
  std::string text;
  if (head.query_value("offset", text)) {
    const auto offset = number(text);
    if (!offset || *offset > rules.offset_max) wrong.push_back({"offset", range(0, rules.offset_max)});
    wanted.offset = offset.value_or(0);
  }
  if (head.query_value("limit", text)) {
    const auto limit = number(text);
    if (!limit || *limit < 1 || *limit > rules.limit_max) wrong.push_back({"limit", range(1, rules.limit_max)});
    wanted.limit = limit.value_or(0);
    wanted.limit_given = true;
  }
  if (head.query_value("cursor", text)) {
    wanted.after = read_cursor(rules.list, text);
    if (!wanted.after) wrong.push_back({"cursor", "is not a cursor of this list"});
    if (wanted.offset > 0) wrong.push_back({"offset", "does not go together with a cursor"});
  }
  if (!wrong.empty()) return invalid_fields(std::move(wrong));
  return wanted;
}

std::string next_link(std::string_view public_url, std::string_view path, const page& now, id_t last, char list) {
  std::string link = "<";
  link.append(public_url).append(path).append("?");
  if (now.limit_given) link.append("limit=").append(std::to_string(now.limit)).append("&");
  link.append("cursor=").append(make_cursor(list, last)).append(">; rel=\"next\"");
  return link;
}

}  // namespace social::http
