// HTTP/1.1 over TLS to push services. The header shows no Asio: that stays inside transport*.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/base/result.hpp"
#include "actors/ports/push_transport.hpp"
#include "actors/push/address_check.hpp"

namespace social::push {

/// All addresses of a host name. Blocks; called on a look-up thread. Errors: any, the message is for the log.
using look_up_function = std::function<result<std::vector<ip_address>>(const std::string& host)>;

struct transport_options {
  endpoint_options endpoints{};                   ///< origins whose URL and addresses are not judged
  std::vector<std::filesystem::path> ca_files{};  ///< PEM, trusted besides the system's certificate authorities

  std::int64_t connect_timeout_ms = 5'000;  ///< look-up, TCP and TLS together
  std::int64_t total_timeout_ms = 30'000;   ///< from `send` to the end of the answer, waiting included
  std::int64_t idle_timeout_ms = 60'000;    ///< an unused connection is closed after this
  std::size_t connections_per_origin_max = 16;
  std::size_t connections_max = 512;            ///< over all origins; an idle one gives way to a needed one
  std::size_t waiting_per_origin_max = 4'096;   ///< requests without a connection; one more fails at once
  std::size_t answer_body_bytes_max = 4'096;    ///< kept of a body; when more comes the connection is closed
  std::size_t answer_header_bytes_max = 8'192;  ///< more is a "protocol" failure
  std::size_t addresses_max = 4;                ///< tried of one name, in the resolver's order

  std::size_t look_up_threads_max = 8;       ///< each may hang in one name; started when needed
  std::size_t look_ups_waiting_max = 1'024;  ///< host names in the queue; one more fails at once
  std::int64_t look_up_cache_ms = 30'000;    ///< how long addresses of a name are used again
  std::size_t look_up_cache_entries_max = 1'024;
  look_up_function look_up{};  ///< empty: the system's getaddrinfo
};

/// Owned by the composition root. Has one I/O thread of its own, which runs every callback and blocks on nothing, and
/// up to `look_up_threads_max` threads that block in look-ups. `send` is thread-safe and returns at once. A request on
/// a kept connection that the service closed before one byte came back is sent once more on a new connection.
class transport final : public ports::push_transport {
 public:
  /// Errors: io_error when a CA file cannot be loaded, invalid_input for a malformed origin in `endpoints`.
  static result<std::unique_ptr<transport>> make(transport_options options);
  ~transport() override;

  /// A callback must not throw and must not call `stop`. After `stop` it runs at once on the caller's thread.
  void send(ports::push_request request, std::function<void(ports::push_answer)> done) override;
  void stop() override;

  struct status {
    std::size_t origins = 0;
    std::size_t connections = 0;  ///< open or opening
    std::size_t requests = 0;     ///< under way or waiting
    std::uint64_t connections_made = 0;
    std::uint64_t retries = 0;  ///< sent again after a kept connection was found closed
  };
  /// Counters of this moment; thread-safe.
  [[nodiscard]] status current_status() const;

 private:
  class implementation;
  explicit transport(std::unique_ptr<implementation> implementation);
  std::unique_ptr<implementation> implementation_;
};

}  // namespace social::push
