// One request from bytes, on Beast's incremental parser. Beast decides what HTTP/1.x is; this class adds our limits,
// the stricter framing rules that keep two readers from disagreeing, and fills `request_head` without a map in between.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "http/server/exchange.hpp"

namespace social::http {

struct parser_limits {
  std::size_t header_bytes_max;  ///< all header lines with their line ends, without the request line
  std::size_t header_fields_max;
  std::size_t target_bytes_max;
};

enum class parse_state : std::uint8_t { needs_more, done, failed };

/// Parses exactly one request; made anew for the next. Input that was not consumed must be given again, longer.
class request_parser final : private boost::beast::http::basic_parser<true> {
 public:
  /// Fills `head` (fields of the wire only) and appends to `body`; both outlive the parser.
  request_parser(const parser_limits& limits, request_head& head, std::string& body);

  parse_state parse_head(std::string_view& input);
  /// After `parse_head` is done.
  parse_state parse_body(std::string_view& input);

  /// Why it failed: malformed_request, header_too_large, target_too_long or body_too_large.
  [[nodiscard]] error_code why() const noexcept { return why_; }
  void limit_body(std::size_t bytes) noexcept { body_bytes_max_ = bytes; }
  /// What is still to come of the body is counted against the limit, but not kept.
  void discard_body() noexcept { keeps_body_ = false; }
  [[nodiscard]] bool is_complete() const { return is_done(); }
  [[nodiscard]] bool keeps_connection() const { return keep_alive(); }
  [[nodiscard]] bool is_http11() const noexcept { return http11_; }
  [[nodiscard]] bool expects_continue() const noexcept { return http11_ && expects_continue_; }
  /// Bytes of the request so far.
  [[nodiscard]] std::size_t bytes() const noexcept { return consumed_; }

 private:
  using beast_error = boost::beast::error_code;
  using view = boost::beast::string_view;

  parse_state fail(error_code why) noexcept;
  std::size_t feed(std::string_view& input, beast_error& failed);
  [[nodiscard]] bool is_over_limits(std::size_t waiting) const noexcept;
  bool has_sound_framing() noexcept;
  void note_framing(boost::beast::http::field name, std::string_view value) noexcept;
  std::size_t take_body(view piece, beast_error& failed);

  void on_request_impl(boost::beast::http::verb, view method, view target, int version, beast_error& failed) override;
  void on_response_impl(int, view, int, beast_error&) override {}
  void on_field_impl(boost::beast::http::field name, view name_text, view value, beast_error& failed) override;
  void on_header_impl(beast_error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast_error&) override {}
  std::size_t on_body_impl(view piece, beast_error& failed) override { return take_body(piece, failed); }
  void on_chunk_header_impl(std::uint64_t size, view, beast_error& failed) override;
  std::size_t on_chunk_body_impl(std::uint64_t, view piece, beast_error& failed) override {
    return take_body(piece, failed);
  }
  void on_finish_impl(beast_error&) override {}

  parser_limits limits_;
  request_head& head_;
  std::string& body_;
  std::size_t body_bytes_max_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t fields_ = 0;  ///< header fields, then trailers as well
  std::size_t consumed_ = 0;
  std::size_t head_start_ = 0;  ///< bytes of the request line; 0 until it is complete
  std::uint32_t hosts_ = 0;
  std::uint32_t content_lengths_ = 0;
  std::uint32_t transfer_encodings_ = 0;
  error_code why_ = error_code::malformed_request;
  bool sound_values_ = true;
  bool http11_ = false;
  bool expects_continue_ = false;
  bool in_body_ = false;
  bool keeps_body_ = true;
};

}  // namespace social::http
