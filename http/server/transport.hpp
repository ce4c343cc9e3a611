// Bytes over one non-blocking socket, plain or TLS. Says when it would wait and never waits; the socket is not owned.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace social::http {

enum class transfer : std::uint8_t { done, wants_read, wants_write, closed, failed };

struct transferred {
  transfer state;
  std::size_t bytes = 0;  ///< only with `done`, then above 0
};

/// Certificate and key of a listener; shared by its connections.
class tls_context {
 public:
  static result<std::shared_ptr<tls_context>> load(const std::string& certificate_file, const std::string& key_file);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  [[nodiscard]] ssl_ctx_st* get() const noexcept { return context_; }

 private:
  explicit tls_context(ssl_ctx_st* context) noexcept : context_(context) {}
  ssl_ctx_st* context_;
};

class transport {
 public:
  transport(int socket, const tls_context* tls);
  ~transport();
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  transferred read(std::span<char> into) noexcept;
  /// Sends from `first`, then `second`; `second` may be empty, `first` too when `second` is not.
  transferred write(std::string_view first, std::string_view second) noexcept;
  /// True when bytes wait here that the socket's readiness does not announce.
  [[nodiscard]] bool has_buffered() const noexcept;
  /// The peer sees the end of what we say and may go on sending.
  void shutdown_send() noexcept;

 private:
  transferred tls_result(int returned) noexcept;
  int socket_;
  ssl_st* tls_ = nullptr;
};

}  // namespace social::http
