#include "http/server/request_parser.hpp"

#include <algorithm>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include "http/server/target.hpp"

namespace social::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;

/// A line of a chunk header with its extensions, or all trailers: nobody needs more.
constexpr std::size_t chunk_overhead_max_bytes = 16UL * 1024;
/// Method, spaces and version around the target.
constexpr std::size_t request_line_overhead_bytes = 64;

std::string_view to_std(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

/// A name or address with an optional port: what could be read as two hosts or as a path is refused.
bool is_sane_host(std::string_view value) noexcept {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || c == ',' || c == '/' || c == '@' || c == '?' || c == '#';
  });
}

bool is_number(std::string_view value) noexcept {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

request_parser::request_parser(const parser_limits& limits, request_head& head, std::string& body)
    : limits_(limits), head_(head), body_(body) {
  eager(false);
  // Ours are counted here, exactly; Beast's is only a bound above them.
  header_limit(static_cast<std::uint32_t>(limits.header_bytes_max + limits.target_bytes_max + 1024));
  body_limit(boost::none);
}

parse_state request_parser::fail(error_code why) noexcept {
  why_ = why;
  return parse_state::failed;
}

std::size_t request_parser::feed(std::string_view& input, beast_error& failed) {
  const auto used = put(boost::asio::const_buffer(input.data(), input.size()), failed);
  consumed_ += used;
  input.remove_prefix(used);
  return used;
}

bool request_parser::is_over_limits(std::size_t waiting) const noexcept {
  if (head_start_ == 0) return waiting > limits_.target_bytes_max + request_line_overhead_bytes;
  return consumed_ + waiting - head_start_ > limits_.header_bytes_max;
}

parse_state request_parser::parse_head(std::string_view& input) {
  beast_error failed;
  feed(input, failed);
  const auto too_large = head_start_ == 0 ? error_code::target_too_long : error_code::header_too_large;
  if (failed == beast::http::error::need_more)
    return is_over_limits(input.size()) ? fail(too_large) : parse_state::needs_more;
  if (failed == beast::http::error::header_limit) return fail(too_large);
  if (failed) return parse_state::failed;
  if (is_over_limits(0)) return fail(error_code::header_too_large);
  head_.headers.resize(fields_);
  in_body_ = true;
  if (!has_sound_framing() || !split_target(head_.target, head_.path, head_.query))
    return fail(error_code::malformed_request);
  return parse_state::done;
}

bool request_parser::has_sound_framing() noexcept {
  if (!sound_values_ || content_lengths_ > 1 || transfer_encodings_ > 1 || hosts_ > 1) return false;
  if (http11_ && hosts_ != 1) return false;
  // A body framed in two ways is how requests are smuggled past a proxy (RFC 9112 section 6.3).
  if (transfer_encodings_ == 1 && (content_lengths_ == 1 || !http11_)) return false;
  head_.has_content_length = content_lengths_ == 1;
  head_.chunked = transfer_encodings_ == 1;
  head_.content_length = head_.has_content_length ? content_length().value_or(0) : 0;
  return true;
}

parse_state request_parser::parse_body(std::string_view& input) {
  while (!is_done()) {
    if (input.empty()) return parse_state::needs_more;
    beast_error failed;
    feed(input, failed);
    if (failed == beast::http::error::need_more) {
      return input.size() > chunk_overhead_max_bytes ? fail(error_code::header_too_large) : parse_state::needs_more;
    }
    if (failed) return parse_state::failed;
  }
  return parse_state::done;
}

void request_parser::on_request_impl(beast::http::verb, view method, view target, int version, beast_error& failed) {
  if (target.size() > limits_.target_bytes_max) {
    why_ = error_code::target_too_long;
    failed = beast::http::error::bad_target;
    return;
  }
  http11_ = version == 11;
  head_start_ = method.size() + target.size() + std::string_view("  HTTP/1.1\r\n").size();
  head_.method.assign(method.data(), method.size());
  head_.target.assign(target.data(), target.size());
}

void request_parser::on_field_impl(field name, view name_text, view value, beast_error& failed) {
  if (++fields_ > limits_.header_fields_max) {
    why_ = error_code::header_too_large;
    failed = beast::http::error::header_limit;
    return;
  }
  // Trailers are counted and dropped: nothing that decides about a request may arrive after its body.
  if (in_body_) return;
  note_framing(name, to_std(value));
  // Elements of the last request are written over, so that their memory is used again.
  if (head_.headers.size() < fields_) head_.headers.emplace_back();
  auto& kept = head_.headers[fields_ - 1];
  kept.name.assign(name_text.data(), name_text.size());
  kept.value.assign(value.data(), value.size());
}

void request_parser::note_framing(field name, std::string_view value) noexcept {
  switch (name) {
    case field::host:
      ++hosts_;
      sound_values_ = sound_values_ && is_sane_host(value);
      break;
    case field::content_length:
      ++content_lengths_;
      sound_values_ = sound_values_ && is_number(value);
      break;
    case field::transfer_encoding:
      ++transfer_encodings_;
      sound_values_ = sound_values_ && beast::iequals(view(value.data(), value.size()), "chunked");
      break;
    case field::expect:
      expects_continue_ = beast::iequals(view(value.data(), value.size()), "100-continue");
      break;
    default:
      break;
  }
}

void request_parser::on_chunk_header_impl(std::uint64_t size, view, beast_error& failed) {
  // Refused on its announcement already: a client need not send a chunk to learn that it is too large.
  if (size > body_bytes_max_ - std::min(body_bytes_, body_bytes_max_)) {
    why_ = error_code::body_too_large;
    failed = beast::http::error::body_limit;
  }
}

std::size_t request_parser::take_body(view piece, beast_error& failed) {
  if (piece.size() > body_bytes_max_ - std::min(body_bytes_, body_bytes_max_)) {
    why_ = error_code::body_too_large;
    failed = beast::http::error::body_limit;
    return 0;
  }
  body_bytes_ += piece.size();
  if (keeps_body_) body_.append(piece.data(), piece.size());
  return piece.size();
}

}  // namespace social::http
