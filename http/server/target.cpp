#include "http/server/target.hpp"

namespace social::http {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte that "%xy" stands for at `at`, or -1.
int escaped_byte(std::string_view text, std::size_t at) noexcept {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_control(int byte) noexcept {
  return byte < 0x20 || byte == 0x7f;
}

bool decode_path(std::string_view raw, std::string& path) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    int byte = static_cast<unsigned char>(raw[i]);
    if (byte == '%') {
      byte = escaped_byte(raw, i);
      // "/a%2Fb" names one segment to us and two to a proxy.
      if (byte < 0 || byte == '/') return false;
      i += 2;
    }
    if (is_control(byte)) return false;
    path.push_back(static_cast<char>(byte));
  }
  return true;
}

bool is_sane_query(std::string_view raw) noexcept {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%' && escaped_byte(raw, i) <= 0) return false;
    if (raw[i] == '#' || is_control(static_cast<unsigned char>(raw[i]))) return false;
  }
  return true;
}

/// What follows the authority of an absolute-form target; false when it is no absolute form.
bool strip_authority(std::string_view& target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto rest = target.substr(scheme.size());
    const auto end = rest.find_first_of("/?");
    if (rest.empty() || end == 0) return false;
    target = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
    return true;
  }
  return false;
}

}  // namespace

bool split_target(std::string_view target, std::string& path, std::string& query) {
  path.clear();
  query.clear();
  if (target == "*") {
    path = "*";
    return true;
  }
  if (target.empty()) return false;
  if (target.front() != '/' && !strip_authority(target)) return false;
  const auto mark = target.find('?');
  const auto raw_path = target.substr(0, mark);
  const auto raw_query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  if (raw_path.find('#') != std::string_view::npos || !is_sane_query(raw_query)) return false;
  if (raw_path.empty()) path = "/";
  if (!decode_path(raw_path, path)) {
    path.clear();
    return false;
  }
  query.assign(raw_query);
  return true;
}

bool decode_query_part(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%') {
      const int byte = escaped_byte(text, i);
      if (byte <= 0) {
        out.clear();
        return false;
      }
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return true;
}

}  // namespace social::http
