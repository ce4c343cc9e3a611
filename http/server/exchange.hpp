// One request and its answer as handlers see them. No Asio, no Beast: the session translates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/base/result.hpp"

namespace social::http {

struct header {
  std::string name;
  std::string value;
};

/// Everything before the body. Header names are compared without case.
struct request_head {
  std::string method;  ///< "GET", "POST", ... as sent; HEAD arrives as GET, the session leaves the answer's body out
  std::string target;  ///< raw, at most the configured bytes
  std::string path;    ///< percent-decoded once; empty when the target is malformed
  std::string query;   ///< raw, without '?'
  std::vector<header> headers;
  std::string remote_address;  ///< of the client; from X-Forwarded-For only behind a trusted proxy
  std::string request_id;      ///< the caller's X-Request-Id if sane, else made here
  std::string trace;           ///< W3C traceparent; made here when absent or malformed
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  std::size_t io = 0;  ///< I/O thread that serves this connection

  /// First header of that name, or empty.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  /// Percent-decoded value of a query parameter; the last one wins. False when absent.
  [[nodiscard]] bool query_value(std::string_view name, std::string& out) const;
};

struct response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<header> headers;  ///< beside those the session adds (Server-less; X-Request-Id, nosniff, Content-Length)
  bool close = false;           ///< close the connection after this answer
};

/// What a handler decides once the header is there: refuse at once, or read a body of at most this many bytes.
struct body_plan {
  std::size_t bytes_max = 0;
  std::shared_ptr<void> state;  ///< the handler's own, handed back in `handle` (route, caller, path parameters)
};
using head_decision = std::variant<response, body_plan>;

/// Called exactly once, on the connection's I/O thread or any other.
using respond = std::function<void(response)>;

/// An API behind a listener. Called on I/O threads, several at once: must be thread-safe and must not block.
class handler {
 public:
  virtual ~handler() = default;
  /// Order of refusals: 404/405 of the route, 401, 413 (content_length alone), 415, 429.
  virtual head_decision decide(const request_head& head) = 0;
  virtual void handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void> state,
                      respond answer) = 0;
  /// The answer for what goes wrong before or outside a handler (400, 408, 413, 414, 431, 503), in this API's form.
  virtual response refuse(const error& why, std::string_view request_id) = 0;
};

/// How one served request went, for metrics.
struct exchange_observer {
  virtual ~exchange_observer() = default;
  /// `route` is the handler's template ("/api/post"), never a raw path. `us`: header complete to answer written.
  virtual void served(std::string_view method, int status, std::uint64_t us, std::size_t bytes_in,
                      std::size_t bytes_out) = 0;
};

}  // namespace social::http
