#include "http/api/multipart.hpp"

#include <algorithm>
#include <optional>

#include "actors/base/text.hpp"
#include "http/api/media_type.hpp"

namespace social::http {
namespace {

constexpr std::string_view line_end = "\r\n";

error malformed(std::string sentence) {
  return {error_code::malformed_request, "Bad multipart body: " + std::move(sentence)};
}

enum class delimiter_end { next_part, last, broken };

/// After a delimiter: "--" closes, otherwise spaces and a line end follow (RFC 2046 "transport-padding").
delimiter_end end_of_delimiter(std::string_view& in) {
  if (in.starts_with("--")) {
    in.remove_prefix(2);
    return delimiter_end::last;
  }
  in.remove_prefix(std::min(in.find_first_not_of(" \t"), in.size()));
  if (!in.starts_with(line_end)) return delimiter_end::broken;
  in.remove_prefix(line_end.size());
  return delimiter_end::next_part;
}

/// Moves `in` behind the first delimiter, which stands at the beginning or after a line end.
bool skip_preamble(std::string_view& in, std::string_view delimiter) {
  const auto opening = delimiter.substr(line_end.size());
  if (in.starts_with(opening)) {
    in.remove_prefix(opening.size());
    return true;
  }
  const auto at = in.find(delimiter);
  if (at == std::string_view::npos) return false;
  in.remove_prefix(at + delimiter.size());
  return true;
}

std::optional<error> read_header_line(std::string_view line, form_part& part, bool& named) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return malformed("a part's header line has no name");
  const auto name = ascii_lower(line.substr(0, colon));
  if (name == "content-disposition") {
    const auto value = parse_parameterized(line.substr(colon + 1));
    const auto* field = value ? value->find("name") : nullptr;
    if (named || field == nullptr || value->word != "form-data") return malformed("a part has no single name");
    named = true;
    part.name = *field;
    part.is_file = value->find("filename") != nullptr || value->find("filename*") != nullptr;
  } else if (name == "content-transfer-encoding") {
    const auto value = parse_parameterized(line.substr(colon + 1));
    if (!value || (value->word != "binary" && value->word != "8bit" && value->word != "7bit"))
      return malformed("a part has a transfer encoding (RFC 7578 section 4.7)");
  }
  return std::nullopt;
}

/// Moves `in` to the part's content.
std::optional<error> read_headers(std::string_view& in, const form_limits& limits, form_part& part) {
  bool named = false;
  std::size_t used = 0;
  for (;;) {
    const auto end = in.substr(0, limits.part_header_bytes_max + line_end.size()).find(line_end);
    if (end != std::string_view::npos) used += end;
    if (end == std::string_view::npos || used > limits.part_header_bytes_max)
      return malformed("a part's header is cut short or longer than " + std::to_string(limits.part_header_bytes_max) +
                       " bytes");
    const auto line = in.substr(0, end);
    in.remove_prefix(end + line_end.size());
    if (line.empty()) break;
    if (auto wrong = read_header_line(line, part, named)) return wrong;
  }
  if (!named) return malformed("a part has no Content-Disposition");
  return std::nullopt;
}

}  // namespace

result<std::vector<form_part>> parse_form(std::string_view in, std::string_view boundary, const form_limits& limits) {
  const std::string delimiter = std::string("\r\n--").append(boundary);
  std::vector<form_part> parts;
  if (!skip_preamble(in, delimiter)) return malformed("the boundary does not occur");
  for (;;) {
    switch (end_of_delimiter(in)) {
      case delimiter_end::last:
        return parts;
      case delimiter_end::broken:
        return malformed("a boundary is not followed by a line end");
      case delimiter_end::next_part:
        break;
    }
    if (parts.size() == limits.parts_max) return malformed("more than " + std::to_string(limits.parts_max) + " parts");
    form_part part;
    if (auto wrong = read_headers(in, limits, part)) return *wrong;
    // An empty part: its delimiter begins with the line end that closed the headers.
    const auto end = in.starts_with(std::string_view(delimiter).substr(line_end.size())) ? 0 : in.find(delimiter);
    if (end == std::string_view::npos) return malformed("the closing boundary is missing");
    part.content = in.substr(0, end);
    in.remove_prefix(end == 0 && !in.starts_with(line_end) ? delimiter.size() - line_end.size()
                                                           : end + delimiter.size());
    parts.push_back(std::move(part));
  }
}

}  // namespace social::http
