// Does for lanes what blocks or computes.
#pragma once

#include <memory>

#include "actors/push/actors.hpp"
#include "actors/push/environment.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::push {

/// Spawned detached by the planner, so that it may wait for the disk, compute and write to stdout. Its mailbox is
/// bounded by its askers: a lane has at most `lane_requests_max` deliveries and one read under way. Ends with the
/// planner.
class worker final : public runtime::instrumented<worker_handle::base> {
 public:
  using super = runtime::instrumented<worker_handle::base>;
  worker(caf::actor_config& cfg, std::shared_ptr<environment> env, id_t number);
  behavior_type make_behavior() override;

 private:
  const std::shared_ptr<environment> env_;
  workbench bench_;
};

}  // namespace social::push
