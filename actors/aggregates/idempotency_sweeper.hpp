// Takes away outcomes that are not answered again any more.
#pragma once

#include <memory>
#include <vector>

#include "actors/aggregates/environment.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::aggregates {

struct sweep_now {};
/// From a detached reader: keys of rows whose day is over, none when all are gone.
struct outdated_outcomes {
  std::vector<domain::row_key> keys;
  bool failed = false;
};
/// From the commit thread.
struct outcomes_swept {
  bool failed = false;
};
using sweeper_actor =
    caf::typed_actor<caf::reacts_to<sweep_now>, caf::reacts_to<outdated_outcomes>, caf::reacts_to<outcomes_swept>>;

/// One per region, owned by it. Runs on the scheduler's threads and never blocks: a detached reader looks, a page at a
/// time, and the page goes in one batch before the next is looked at. Only days that no command looks up are touched
/// (domain/idempotency.hpp), so it needs no word with the entities that write these rows. Ends when told.
class idempotency_sweeper final : public runtime::instrumented<sweeper_actor::base> {
 public:
  using super = runtime::instrumented<sweeper_actor::base>;
  idempotency_sweeper(caf::actor_config& cfg, std::shared_ptr<const environment> env, std::shared_ptr<void> ended);
  behavior_type make_behavior() override;
  void on_exit() override;

 private:
  void look();
  void remove(outdated_outcomes& found);

  std::shared_ptr<const environment> env_;
  std::shared_ptr<void> ended_;
};

}  // namespace social::aggregates

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::sweep_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::outdated_outcomes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::aggregates::outcomes_swept)
