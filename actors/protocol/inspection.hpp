// What the admin API may ask of the inside of this node. Looking never activates an entity.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"

namespace social::protocol {

/// True numbers of one live actor, from its instrumented base class.
struct actor_info {
  std::string kind;  ///< user, post, comment, subscription; else shard, reader, push, gateway, ...
  id_t id = 0;
  shard_t shard = 0;
  std::uint64_t mailbox_depth = 0;
  std::uint64_t messages_handled = 0;
  std::uint64_t failures = 0;
  std::uint64_t busy_us = 0;
  std::uint64_t p50_us = 0;  ///< of message handling
  std::uint64_t p99_us = 0;
  std::string last_message;  ///< type of the last message handled; empty: none yet
  std::uint64_t idle_ms = 0;
  std::uint64_t age_ms = 0;
};

struct actor_detail {
  actor_info info;
  std::string state_json;  ///< redacted; empty: the actor did not answer within 500 ms
};

enum class actor_order : std::uint8_t { id, mailbox, busy, age };

struct actor_filter {
  std::string kind;  ///< empty: all
  std::optional<shard_t> shard;
  actor_order order = actor_order::id;
  std::size_t limit = 1000;
};

/// One reason to be ready or not.
struct readiness_check {
  std::string name;
  bool ok = true;
  bool degraded = false;  ///< works, but somebody should look
  std::string reason;
};

class inspection {
 public:
  virtual ~inspection() = default;
  virtual std::vector<actor_info> actors(const actor_filter& filter) const = 0;
  /// actor_not_active when it does not live here. `done` may run on any thread.
  virtual void actor(const std::string& kind, id_t id, std::function<void(result<actor_detail>)> done) = 0;
  virtual std::vector<readiness_check> readiness() const = 0;
  /// Prometheus text format 0.0.4.
  virtual std::string metrics() const = 0;
  /// JSON for GET /admin/push, /admin/kafka, /admin/subscribers, /admin/shards, /admin/journals, /admin/dead-letters;
  /// nullopt: not served here.
  virtual std::optional<std::string> report(const std::string& name) const = 0;
  /// Gives a dead letter of /admin/dead-letters a new life. `done` runs once, on any thread. Errors: not_found,
  /// outcome_unknown (begun, but nothing has acknowledged it within 10 s), those of the component that keeps it.
  virtual void replay(const std::string& id, std::function<void(result<void>)> done) = 0;
};

}  // namespace social::protocol
