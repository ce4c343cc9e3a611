// The admin listener's API: liveness, readiness, metrics, and what lives inside this node. It only looks, unless it is
// allowed to change something.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/protocol/inspection.hpp"
#include "http/server/exchange.hpp"

namespace social::http::admin {

struct admin_options {
  std::string address = "127.0.0.1";  ///< what the listener is bound to; a valid Host, as are localhost and loopback
  std::vector<std::string> host_names{};  ///< further names or addresses that may stand in Host
  std::string token{};                    ///< wanted as `Authorization: Bearer` under /admin; empty: nobody gets in
  bool metrics_auth = false;              ///< /metrics wants the token, too
  bool write = false;                     ///< calls that change something are taken, too
  std::size_t actors_limit_max = 10'000;
};

/// How `POST /admin/backup` ended.
struct backup_answer {
  enum class outcome : std::uint8_t { made, refused, busy, failed };
  outcome what = outcome::failed;
  std::string text;  ///< JSON for what was made, else a sentence for people
};

/// What the process does on request, besides being looked at.
struct admin_actions {
  /// Must not block; `done` runs exactly once, on any thread. Empty: not served.
  std::function<void(std::string directory, std::function<void(backup_answer)> done)> backup{};
};

/// Thread-safe; `inside` outlives it. Asks `inside` on the I/O thread of the admin listener, never on that of the
/// public one.
class admin_handler final : public handler {
 public:
  admin_handler(admin_options options, protocol::inspection& inside, admin_actions actions = {});

  head_decision decide(const request_head& head) override;
  void handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void> state,
              respond answer) override;
  response refuse(const error& why, std::string_view request_id) override;

 private:
  [[nodiscard]] bool is_own_host(std::string_view host) const;
  [[nodiscard]] bool has_token(const request_head& head) const;
  void show_actor(const request_head& head, const std::string& kind, id_t id, const respond& answer);
  void replay(const request_head& head, const std::string& id, const respond& answer);
  void backup(const request_head& head, const std::string& body, const respond& answer);
  [[nodiscard]] response list_actors(const request_head& head) const;
  [[nodiscard]] response readiness() const;
  [[nodiscard]] response report(const request_head& head, const std::string& name) const;

  const admin_options options_;
  protocol::inspection& inside_;
  const admin_actions actions_;
};

}  // namespace social::http::admin
