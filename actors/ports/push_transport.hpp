// Sending one encrypted message to one push service. Implemented over Asio TLS in actors/push; scripted in tests.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "actors/base/result.hpp"

namespace social::ports {

/// One HTTP POST (RFC 8030 section 5) with its body ready.
struct push_request {
  std::string endpoint;       ///< the whole URL; secret: never logged
  std::string body;           ///< aes128gcm, at most 4096 bytes
  std::string authorization;  ///< `vapid t=..., k=...`
  std::uint64_t ttl_s = 0;
  std::string urgency;  ///< very-low, low, normal, high
  std::string topic;    ///< at most 32 base64url characters; empty: none
};

struct push_answer {
  int status = 0;           ///< HTTP status; 0: no answer was had, see `failure`
  std::string retry_after;  ///< header value, empty: none
  std::string body;         ///< first 4 KiB, for the log only
  /// Why no answer was had: "connect", "tls", "timeout", "address_forbidden", "closed", "protocol", "shutdown"
  std::string failure;
  std::string detail;  ///< a sentence for the log, without the endpoint's path
  std::int64_t latency_us = 0;
};

class push_transport {
 public:
  virtual ~push_transport() = default;
  /// `done` runs once, on a thread of the transport; must not block. The caller bounds how many are under way per
  /// origin. Connections per origin are kept alive and at most 16.
  virtual void send(push_request request, std::function<void(push_answer)> done) = 0;
  /// Fails what is under way with "shutdown" and refuses more. Returns when no callback will run any more.
  virtual void stop() = 0;
};

}  // namespace social::ports
