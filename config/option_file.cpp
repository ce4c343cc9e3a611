#include "config/option_file.hpp"

#include <algorithm>

namespace social::config {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\r";
  const auto begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

error refused(std::string_view path, const std::string& why) {
  return {error_code::invalid_input, "the file " + std::string(path) + " of kafka.option-file " + why};
}

}  // namespace

result<assignments> parse_option_file(std::string_view text, std::string_view path) {
  if (text.size() > file_bytes_max) return refused(path, "has more than 1MiB; give one of lines KEY=VALUE");
  assignments all;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto equals = line.find('=');
    const auto key = trimmed(line.substr(0, equals));
    if (equals == std::string_view::npos || !is_plain_name(key) || line.find('\0') != std::string_view::npos)
      return refused(path, "has a line " + std::to_string(number) + " that is not KEY=VALUE; correct it");
    all.emplace_back(key, trimmed(line.substr(equals + 1)));
  }
  return all;
}

}  // namespace social::config
