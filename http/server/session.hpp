// One connection. Private to http/server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/server/request_parser.hpp"
#include "http/server/worker.hpp"

namespace social::http {

/// Empties a buffer between requests; gives it back when it grew beyond `kept_capacity_max_bytes`.
inline void reuse(std::string& buffer) {
  constexpr std::size_t kept_capacity_max_bytes = 16UL * 1024;
  if (buffer.capacity() > kept_capacity_max_bytes)
    buffer = std::string();
  else
    buffer.clear();
}

/// Owned by its worker, and by an answer that is still to come; lives on the worker's thread. A state machine that is
/// driven by readiness: it reads, writes and parses as far as it can go and then waits for one thing. Nothing blocks.
/// Ends when either side closes, at a time-out, or when the worker is stopped.
class session : public std::enable_shared_from_this<session> {
 public:
  /// Takes the socket out of `arrived`.
  session(std::shared_ptr<worker> owner, arrival& arrived);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  void start();
  void tick(std::int64_t now_ms);
  /// Serves what has arrived already, then closes.
  void drain();
  void close();

  void place(std::size_t at) noexcept { place_ = at; }
  [[nodiscard]] std::size_t place() const noexcept { return place_; }

 private:
  enum class phase : std::uint8_t { idle, header, body, working, writing, discarding, lingering, closed };
  struct pending_answer;

  // Readiness
  void wait_readable();
  void wait_writable();
  void readable();
  bool read_once();
  void linger_read(std::size_t bytes);

  // Input
  void advance();
  bool step();
  void keep_rest();
  void consume(std::size_t bytes);
  bool parse_head();
  bool parse_body();
  bool discard_rest();

  // One exchange
  void begin_exchange();
  bool head_complete();
  void name_request();
  bool refuse(const error& why);
  bool answer_early(response answer);
  bool dispatch();
  void deliver(std::uint64_t exchange, std::optional<response> given);
  static void deliver_from_anywhere(const std::shared_ptr<session>& target, std::uint64_t exchange,
                                    std::optional<response> given);
  bool write_answer();
  bool write_more();
  bool finish_exchange();
  void linger();

  [[nodiscard]] bool wants_input() const noexcept;
  void set_deadline(std::int64_t timeout_ms) noexcept { deadline_ms_ = steady_now_ms() + timeout_ms; }

  const std::shared_ptr<worker> worker_;
  const server_options& options_;
  tcp_socket socket_;
  transport transport_;
  const ip_address peer_;
  const bool admitted_;
  const bool peer_is_proxy_;
  std::string peer_text_;
  std::size_t place_ = 0;
  std::int64_t deadline_ms_ = 0;  ///< 0: none

  phase phase_ = phase::idle;
  bool advancing_ = false;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool peer_done_ = false;  ///< nothing more will be read

  // What arrived and is not consumed: during `advance` a view of the worker's scratch or of `kept_`.
  std::string_view input_;
  std::string kept_;
  bool input_is_kept_ = false;
  std::size_t lingered_bytes_ = 0;

  // The exchange under way
  std::uint64_t exchange_ = 0;
  std::shared_ptr<request_head> head_;
  std::string body_;
  std::optional<request_parser> parser_;
  std::shared_ptr<void> handler_state_;
  std::optional<response> answer_;
  std::int64_t started_us_ = 0;
  bool head_only_ = false;
  bool keeps_connection_ = true;

  // The answer on its way
  std::string out_;
  std::string_view out_first_;
  std::string_view out_second_;
  std::size_t out_bytes_ = 0;
};

}  // namespace social::http
