#include "config/options.hpp"

#include <algorithm>

#include "actors/base/text.hpp"

namespace social::config {
namespace {

/// The words of `a|b|c`.
std::vector<std::string_view> words(std::string_view choices) {
  std::vector<std::string_view> all;
  while (true) {
    const auto bar = choices.find('|');
    all.push_back(choices.substr(0, bar));
    if (bar == std::string_view::npos) return all;
    choices.remove_prefix(bar + 1);
  }
}

std::string joined(std::span<const std::string> texts) {
  std::string all;
  for (const auto& text : texts) {
    if (!all.empty()) all.push_back(',');
    all.append(text);
  }
  return all;
}

bool within(const option& which, std::uint64_t number) {
  return number >= which.minimum && number <= which.maximum;
}

std::optional<checked_value> check_number(const option& which, std::string_view text) {
  if (which.kind == value_kind::duration) {
    const auto time = parse_duration(text);
    if (!time || !within(which, static_cast<std::uint64_t>(time->count()))) return std::nullopt;
    return checked_value{*time, format_duration(*time)};
  }
  const bool is_size = which.kind == value_kind::size;
  const auto number = is_size ? parse_size(text) : parse_count(text);
  if (!number || !within(which, *number)) return std::nullopt;
  return checked_value{*number, is_size ? format_size(*number) : std::to_string(*number)};
}

/// Prints the pair of words that the default is written in.
std::optional<checked_value> check_toggle(const option& which, std::string_view text) {
  const auto flag = parse_toggle(text);
  if (!flag) return std::nullopt;
  const bool on_off = which.fallback == "on" || which.fallback == "off";
  const std::string_view word = on_off ? (*flag ? "on" : "off") : (*flag ? "true" : "false");
  return checked_value{*flag, std::string(word)};
}

std::optional<checked_value> check_choice(const option& which, std::string_view text) {
  const auto all = words(which.choices);
  const auto found = std::ranges::find(all, text);
  if (found == all.end()) return std::nullopt;
  return checked_value{static_cast<std::uint64_t>(found - all.begin()), std::string(text)};
}

std::optional<checked_value> check_roles(std::string_view text) {
  roles named;
  for (const auto& part : split_list(text)) {
    bool* role = part == "api" ? &named.api : part == "push" ? &named.push : nullptr;
    if (role == nullptr || *role) return std::nullopt;
    *role = true;
  }
  if (!named.api && !named.push) return std::nullopt;
  return checked_value{named, named.api && named.push ? "api,push" : named.api ? "api" : "push"};
}

/// RFC 8292 section 2.1. Push services refuse contacts with spaces or angle brackets.
bool is_contact(std::string_view text) {
  if (!text.starts_with("mailto:") && !text.starts_with("https://")) return false;
  if (text.find_first_of(" <>\t\r\n") != std::string_view::npos || !is_valid_utf8(text)) return false;
  return text.starts_with("mailto:") ? text.find('@') != std::string_view::npos && text.size() > 9 : text.size() > 8;
}

std::optional<checked_value> of_text(std::optional<std::string> normal) {
  if (!normal) return std::nullopt;
  return checked_value{*normal, *normal};
}

std::optional<checked_value> check_text(const option& which, const std::string& text) {
  switch (which.kind) {
    case value_kind::path:
      // A NUL would cut the name.
      if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
      return checked_value{text, text};
    case value_kind::address:
      return of_text(parse_address(text));
    case value_kind::origin:
      return of_text(parse_origin(text));
    case value_kind::base_url:
      return text.empty() ? checked_value{text, text} : of_text(parse_base_url(text));
    case value_kind::contact:
      if (!text.empty() && !is_contact(text)) return std::nullopt;
      return checked_value{text, text};
    case value_kind::brokers:
      return text.empty() ? checked_value{text, text} : of_text(parse_brokers(text));
    case value_kind::name:
      if (!is_plain_name(text)) return std::nullopt;
      return checked_value{text, text};
    default:
      return std::nullopt;
  }
}

std::optional<checked_value> check_one(const option& which, const std::string& text) {
  switch (which.kind) {
    case value_kind::count:
    case value_kind::duration:
    case value_kind::size:
      return check_number(which, text);
    case value_kind::toggle:
      return check_toggle(which, text);
    case value_kind::choice:
      return check_choice(which, text);
    case value_kind::role_list:
      return check_roles(text);
    default:
      return check_text(which, text);
  }
}

error refused(const option& which, std::string_view text) {
  std::string shown = which.secret ? "***" : std::string(text.substr(0, 200));
  return {error_code::invalid_input, "is '" + shown + "', give " + accepted(which)};
}

/// A value that is used as a name on the wire.
bool is_assignable(const option& which, std::string_view to) {
  if (!which.choices.empty()) return std::ranges::count(words(which.choices), to) == 1;
  return is_valid_utf8(to) && std::ranges::none_of(to, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

result<checked_value> check_assignments(const option& which, std::span<const std::string> texts) {
  assignments all;
  std::string normal;
  for (const auto& text : texts) {
    auto members = parse_assignments(text);
    if (!members) return refused(which, text);
    for (auto& [key, to] : *members) {
      const auto member = std::string(key).append("=").append(to);
      if (!is_assignable(which, to)) return refused(which, member);
      normal.append(normal.empty() ? "" : ",").append(member);
      all.emplace_back(std::move(key), std::move(to));
    }
  }
  return checked_value{std::move(all), std::move(normal)};
}

/// One text may hold several members between commas: in the environment there is no other way.
result<checked_value> check_list(const option& which, std::span<const std::string> texts) {
  std::vector<std::string> normal;
  std::vector<address_range> ranges;
  for (const auto& text : texts) {
    for (const auto& part : split_list(text)) {
      if (which.kind == value_kind::address_range) {
        const auto range = parse_address_range(part);
        if (!range) return refused(which, part);
        ranges.push_back(*range);
        normal.push_back(range->text());
      } else {
        const auto one = check_one(which, part);
        if (!one) return refused(which, part);
        normal.push_back(one->text);
      }
    }
  }
  auto text = joined(normal);
  if (which.kind == value_kind::address_range) return checked_value{std::move(ranges), std::move(text)};
  return checked_value{std::move(normal), std::move(text)};
}

std::string bounds(const option& which, std::string_view what, std::string (*format)(std::uint64_t)) {
  return std::string(what) + " from " + format(which.minimum) + " to " + format(which.maximum);
}

std::string format_milliseconds(std::uint64_t value) {
  return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(value)));
}

std::string format_number(std::uint64_t value) {
  return std::to_string(value);
}

std::string accepted_choices(std::string_view choices) {
  const auto all = words(choices);
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) text.append(i + 1 == all.size() ? " or " : ", ");
    text.append(all[i]);
  }
  return text;
}

/// `TOPIC=json or TOPIC=raw`, else the form alone.
std::string accepted_assignment(const option& which) {
  if (which.choices.empty()) return std::string(which.unit);
  const auto key = which.unit.substr(0, which.unit.find('=') + 1);
  return std::string(key) + accepted_choices(which.choices);
}

}  // namespace

std::string_view name_of(executable self) noexcept {
  switch (self) {
    case executable::api:
      return "social-server-api";
    case executable::push:
      return "social-server-push";
    case executable::server:
      break;
  }
  return "social-server";
}

std::string environment_name(std::string_view option_name) {
  std::string name = "SOCIAL_";
  for (const char c : option_name) {
    const bool lower = c >= 'a' && c <= 'z';
    name.push_back(c == '.' || c == '-' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return name;
}

std::string accepted(const option& which) {
  switch (which.kind) {
    case value_kind::path:
      return "a path";
    case value_kind::count:
      return bounds(which, "a whole number", format_number);
    case value_kind::toggle:
      return "true, false, on or off";
    case value_kind::choice:
      return accepted_choices(which.choices);
    case value_kind::role_list:
      return "api, push or api,push";
    case value_kind::duration:
      return bounds(which, "a duration (250ms 5s 2m 48h)", format_milliseconds);
    case value_kind::size:
      return bounds(which, "a size (64KiB 19MiB)", format_size);
    case value_kind::address:
      return "an IP address such as 127.0.0.1 or ::1";
    case value_kind::address_range:
      return "address ranges such as 10.0.0.0/8";
    case value_kind::origin:
      return "origins such as https://push.example.org:8443";
    case value_kind::base_url:
      return "a URL such as https://social.example.org";
    case value_kind::contact:
      return "a mailto: or https: contact without spaces and angle brackets";
    case value_kind::brokers:
      return "brokers such as kafka1:9092,kafka2:9092";
    case value_kind::name:
      return "1 to 249 letters, digits, dots, underscores and dashes";
    case value_kind::assignment:
      return accepted_assignment(which);
  }
  return {};
}

result<checked_value> check(const option& which, std::span<const std::string> texts) {
  if (which.kind == value_kind::assignment) return check_assignments(which, texts);
  if (which.repeatable) return check_list(which, texts);
  if (texts.size() != 1) return error(error_code::invalid_input, "is given more than once, give it once");
  auto one = check_one(which, texts.front());
  if (!one) return refused(which, texts.front());
  return std::move(*one);
}

}  // namespace social::config
