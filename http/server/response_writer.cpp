#include "http/server/response_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "actors/base/log.hpp"

namespace social::http {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_one_line(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!is_one_line(value) || !is_token(name)) {
    log::error("http", "a header was left out of an answer: it would not fit on its line", {{"header", name}});
    return;
  }
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string_view date_line::at(std::int64_t seconds_since_epoch) {
  if (seconds_since_epoch == second_) return line_;
  constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto two = [this](int value) {
    line_.push_back(static_cast<char>('0' + value / 10 % 10));
    line_.push_back(static_cast<char>('0' + value % 10));
  };
  const std::time_t time = seconds_since_epoch;
  std::tm utc{};
  gmtime_r(&time, &utc);
  // Written by hand: strftime follows the locale.
  line_.assign("Date: ").append(days[static_cast<std::size_t>(utc.tm_wday)]).append(", ");
  two(utc.tm_mday);
  line_.append(" ").append(months[static_cast<std::size_t>(utc.tm_mon)]).append(" ");
  append_number(line_, static_cast<std::uint64_t>(utc.tm_year) + 1900);
  line_.push_back(' ');
  two(utc.tm_hour);
  line_.push_back(':');
  two(utc.tm_min);
  line_.push_back(':');
  two(utc.tm_sec);
  line_.append(" GMT\r\n");
  second_ = seconds_since_epoch;
  return line_;
}

void append_head(std::string& out, const response& answer, std::string_view request_id, std::string_view date,
                 connection_line connection) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(answer.status));
  out.append(" ").append(reason_of(answer.status)).append("\r\n").append(date);
  if (has_body(answer.status)) {
    if (!answer.body.empty() && !answer.content_type.empty()) append_field(out, "Content-Type", answer.content_type);
    out.append("Content-Length: ");
    append_number(out, answer.body.size());
    out.append("\r\n");
  }
  out.append("X-Content-Type-Options: nosniff\r\nX-Request-Id: ").append(request_id).append("\r\n");
  for (const auto& [name, value] : answer.headers) append_field(out, name, value);
  if (connection == connection_line::close) out.append("Connection: close\r\n");
  if (connection == connection_line::keep_alive) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace social::http
