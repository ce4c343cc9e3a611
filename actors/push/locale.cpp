#include "actors/push/locale.hpp"

#include <optional>

#include "actors/base/text.hpp"

namespace social::push {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The part before the next `separator`; `rest` moves behind it.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part);
}

/// RFC 9110 section 12.4.2, in thousandths; nothing when it is no weight.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() == 1) return value;
  if (text[1] != '.') return std::nullopt;
  int place = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    value += (c - '0') * place;
    place /= 10;
  }
  return value > 1000 ? std::nullopt : std::optional(value);
}

/// `ko`, `KO-kr` -> "ko".
std::string primary_tag(std::string_view range) {
  return ascii_lower(range.substr(0, range.find('-')));
}

struct preference {
  int weight = -1;  ///< thousandths; -1: not named
  int place = 0;    ///< among equal weights the first named wins
};

}  // namespace

std::string choose_locale(std::string_view field, std::string_view accept_language) {
  if (!trimmed(field).empty()) return primary_tag(trimmed(field)) == "ko" ? "ko" : "en";
  if (trimmed(accept_language).empty()) return "ko";

  preference korean;
  preference english;
  int place = 0;
  for (auto rest = accept_language; !rest.empty(); ++place) {
    auto element = take_until(rest, ',');
    const auto tag = primary_tag(take_until(element, ';'));
    auto* named = tag == "ko" ? &korean : tag == "en" ? &english : nullptr;
    if (named == nullptr) continue;
    int weight = 1000;
    while (!element.empty()) {
      const auto parameter = take_until(element, ';');
      if (parameter.size() < 2 || ascii_lower(parameter.substr(0, 2)) != "q=") continue;
      weight = parse_weight(parameter.substr(2)).value_or(-1);  // not a weight: as if it had not been named
    }
    if (weight > named->weight) *named = {weight, place};
  }
  if (english.weight == 0 && korean.weight != 0) return "ko";  // anything but English
  if (korean.weight <= 0) return "en";
  if (korean.weight != english.weight) return korean.weight > english.weight ? "ko" : "en";
  return korean.place < english.place ? "ko" : "en";
}

}  // namespace social::push
