// A listener with its I/O threads and connections. No Asio, no Beast in this header.
//
//   http::server server({.address = "127.0.0.1", .threads = 2}, api, &metrics);
//   auto port = server.start();           // result<uint16_t>
//   ...
//   server.stop_accepting();
//   server.drain(5s);                     // answers under way are written, idle connections closed
//   server.stop();                        // threads end; the handler may be destroyed afterwards
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/base/result.hpp"
#include "http/server/exchange.hpp"
#include "http/server/statistics.hpp"

namespace social::http {

struct server_options {
  std::string address = "127.0.0.1";   ///< a number, not a name; "localhost" is 127.0.0.1
  std::uint16_t port = 0;              ///< 0: a free one
  std::size_t threads = 1;             ///< I/O threads, each with an event loop of its own
  std::string thread_name = "http";    ///< at most 12 characters
  std::string tls_certificate_file{};  ///< PEM chain; empty: no TLS
  std::string tls_key_file{};
  std::vector<std::string> trusted_proxies{};  ///< address ranges whose X-Forwarded-For is believed

  std::size_t header_bytes_max = 16UL * 1024;  ///< header lines; beyond: 431
  std::size_t header_fields_max = 100;         ///< beyond: 431
  std::size_t target_bytes_max = 8UL * 1024;   ///< beyond: 414
  std::size_t discard_bytes_max =
      64UL * 1024;                       ///< unread body of a refused request that is read away to keep the connection
  std::size_t connections_max = 10'000;  ///< beyond: 503 and close
  std::size_t connections_per_address_max = 1'024;  ///< beyond: 503 and close; trusted proxies are exempt
  std::size_t linger_bytes_max = 16UL * 1024 * 1024;
  int backlog = 1'024;

  // Time-outs fire up to one tick late.
  std::int64_t header_timeout_ms = 30'000;  ///< from the first byte (or the accept) to the end of the header; 408
  std::int64_t body_timeout_ms = 30'000;    ///< from the end of the header to the end of the body; 408
  std::int64_t idle_timeout_ms = 75'000;    ///< between requests; closed without a word
  std::int64_t write_timeout_ms = 60'000;   ///< for the whole answer
  std::int64_t linger_timeout_ms = 2'000;   ///< for the client to read a last answer before the connection is closed
  std::int64_t tick_ms = 1'000;
};

/// Thread-safe but for start, drain and stop, which belong to one owner. `handler` and `observer` outlive `stop`.
///
/// What a handler sees: HEAD arrives as GET, and the answer goes out without its body. So HEAD exists exactly where GET
/// does, with the same header section. Requests of one connection are handled one after the other.
class server {
 public:
  server(server_options options, handler& api, exchange_observer* observer = nullptr);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds and serves; the port. io_error with a sentence that names the address, when it cannot.
  result<std::uint16_t> start();
  /// Runs `work` soon on that I/O thread, in order. Cheap: wakes the thread only when its queue was empty. After `stop`
  /// it is dropped.
  void post(std::size_t io, std::function<void()> work);
  /// New connections are refused by the system from now on.
  void stop_accepting();
  /// Closes idle connections, lets requests under way finish, each answered with `Connection: close`. True when all
  /// connections are gone in time. Implies `stop_accepting`.
  bool drain(std::chrono::milliseconds deadline);
  /// Cuts what is left and ends the threads. Idempotent.
  void stop();

  [[nodiscard]] std::size_t threads() const noexcept;
  [[nodiscard]] server_statistics statistics() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace social::http
