// What all Kafka clients of a process share: settings, their check, and how the connection looks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/base/result.hpp"

namespace social::kafka {

struct client_settings {
  std::string brokers;    ///< "host:port,host:port"
  std::string client_id;  ///< shown by the broker's tools, such as `social-server-push`
  /// Passed to librdkafka (security, tuning). Values may be secrets: they reach no log.
  std::vector<std::pair<std::string, std::string>> options;
};

/// Errors: invalid_input names the option that librdkafka does not know or take, or that is ours to set (the ones that
/// order, durability and placement rest on).
result<void> check_settings(const client_settings& settings);

/// How a client sees its brokers. Shared by the client and whoever shows it; thread-safe.
class client_health {
 public:
  struct view {
    bool connected = false;  ///< at least one broker has answered since the last time that all were down
    std::string last_error;  ///< of librdkafka; empty: none yet
    std::uint64_t errors = 0;
    std::uint64_t restarts = 0;  ///< clients that were replaced after a fatal error
  };
  client_health();
  ~client_health();
  [[nodiscard]] view look() const;
  void connected();
  void failed(std::string why, bool all_brokers_down);
  void restarted();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace social::kafka
