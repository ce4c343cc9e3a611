// Answers "who lives here, how deep is its mailbox, what is slow, may traffic come": what the admin API shows.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/inspect/metric_sink.hpp"
#include "actors/protocol/inspection.hpp"
#include "actors/runtime/node.hpp"

namespace social::inspect {

/// Owned by the composition root, which registers what the components can tell before the admin listener starts; the
/// registered functions may run on any thread until the listener has stopped.
class inspector final : public protocol::inspection {
 public:
  explicit inspector(runtime::node& node);
  ~inspector() override;

  void add_checks(std::function<std::vector<protocol::readiness_check>()> checks);
  void add_metrics(std::function<void(metric_sink&)> collect);
  /// JSON for GET /admin/<name>.
  void add_report(const std::string& name, std::function<std::string()> report);
  /// JSON of what that component could not deliver: a member of GET /admin/dead-letters.
  void add_dead_letters(const std::string& component, std::function<std::string()> report);

  /// JSON object of one reader of a journal: an element of GET /admin/subscribers.
  void add_subscriber(std::function<std::string()> report);
  /// JSON object of one journal: an element of GET /admin/journals.
  void add_journal(std::function<std::string()> report);
  /// Replays the dead letters whose ids it `owns`; the first that was added wins. `replay` must not block.
  void add_replayer(std::function<bool(std::string_view id)> owns,
                    std::function<void(std::string id, std::function<void(result<void>)> done)> replay);

  std::vector<protocol::actor_info> actors(const protocol::actor_filter& filter) const override;
  void actor(const std::string& kind, id_t id, std::function<void(result<protocol::actor_detail>)> done) override;
  std::vector<protocol::readiness_check> readiness() const override;
  std::string metrics() const override;
  std::optional<std::string> report(const std::string& name) const override;
  void replay(const std::string& id, std::function<void(result<void>)> done) override;

  /// Ends the helper actor; what is asked afterwards is answered shutting_down.
  void stop();

 private:
  void add_element(const std::string& name, std::function<std::string()> report);

  struct asker;
  struct replayer {
    std::function<bool(std::string_view)> owns;
    std::function<void(std::string, std::function<void(result<void>)>)> replay;
  };
  runtime::node& node_;
  std::unique_ptr<asker> asker_;
  std::vector<std::function<std::vector<protocol::readiness_check>()>> checks_;
  std::vector<std::function<void(metric_sink&)>> collectors_;
  std::map<std::string, std::function<std::string()>> reports_;
  std::map<std::string, std::function<std::string()>> dead_letters_;
  std::map<std::string, std::vector<std::function<std::string()>>> lists_;  ///< reports that are arrays
  std::vector<replayer> replayers_;
};

}  // namespace social::inspect
