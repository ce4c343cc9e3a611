#include "http/api/media_type.hpp"

#include <algorithm>

#include "actors/base/text.hpp"

namespace social::http {
namespace {

constexpr std::string_view spaces = " \t";
constexpr std::size_t boundary_bytes_max = 70;

void skip_spaces(std::string_view& in) {
  in.remove_prefix(std::min(in.find_first_not_of(spaces), in.size()));
}

bool is_token_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view take_while(std::string_view& in, bool (*allowed)(char)) {
  const auto end = static_cast<std::size_t>(std::find_if_not(in.begin(), in.end(), allowed) - in.begin());
  const auto taken = in.substr(0, end);
  in.remove_prefix(end);
  return taken;
}

/// `in` stands at the opening quote. Only \" and \\ are escapes: browsers send other backslashes as they are.
std::optional<std::string> take_quoted(std::string_view& in) {
  in.remove_prefix(1);
  std::string value;
  while (!in.empty()) {
    char c = in.front();
    in.remove_prefix(1);
    if (c == '"') return value;
    if (c == '\\' && !in.empty() && (in.front() == '"' || in.front() == '\\')) {
      c = in.front();
      in.remove_prefix(1);
    }
    value.push_back(c);
  }
  return std::nullopt;
}

bool is_boundary_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

}  // namespace

const std::string* parameterized_value::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters)
    if (key == name) return &value;
  return nullptr;
}

std::optional<parameterized_value> parse_parameterized(std::string_view in) {
  parameterized_value out;
  skip_spaces(in);
  out.word = ascii_lower(take_while(in, [](char c) { return is_token_char(c) || c == '/'; }));
  if (out.word.empty()) return std::nullopt;
  for (;;) {
    skip_spaces(in);
    if (in.empty()) return out;
    if (in.front() != ';') return std::nullopt;
    in.remove_prefix(1);
    skip_spaces(in);
    if (in.empty()) return out;  // a semicolon at the end is common
    std::string name = ascii_lower(take_while(in, is_token_char));
    if (name.empty() || in.empty() || in.front() != '=' || out.find(name) != nullptr) return std::nullopt;
    in.remove_prefix(1);
    std::optional<std::string> value;
    if (!in.empty() && in.front() == '"') {
      value = take_quoted(in);
    } else if (auto token = take_while(in, [](char c) { return c != ';' && c != ' ' && c != '\t' && c != '"'; });
               !token.empty()) {
      value = std::string(token);
    }
    if (!value) return std::nullopt;
    out.parameters.emplace_back(std::move(name), std::move(*value));
  }
}

content_type parse_content_type(std::string_view text) {
  if (text == "application/json") return {media::json, {}};  // what nearly every client sends
  const auto parsed = parse_parameterized(text);
  if (!parsed) return {};
  if (parsed->word == "application/json") {
    const auto* charset = parsed->find("charset");
    if (charset != nullptr && ascii_lower(*charset) != "utf-8" && ascii_lower(*charset) != "utf8") return {};
    return {media::json, {}};
  }
  if (parsed->word == "multipart/form-data") {
    const auto* boundary = parsed->find("boundary");
    if (boundary == nullptr || boundary->empty() || boundary->size() > boundary_bytes_max || boundary->back() == ' ' ||
        !std::all_of(boundary->begin(), boundary->end(), is_boundary_char))
      return {};
    return {media::form, *boundary};
  }
  return {};
}

}  // namespace social::http
