// A lane as an actor: carries out what the state machine `lane` says.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/push/actors.hpp"
#include "actors/push/environment.hpp"
#include "actors/push/settlement.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::push {

/// Spawned by the planner for one origin; runs on the scheduler; blocks on nothing: workers read and encrypt, the
/// transport sends, the commit thread writes. Every delivery it takes from the machine stays "under way" until its
/// outcome is committed, so that one that is answered is never sent again. Ends when told to retire, after what is
/// under way has been written.
class lane_actor final : public runtime::instrumented<lane_handle::base> {
 public:
  using super = runtime::instrumented<lane_handle::base>;
  lane_actor(caf::actor_config& cfg, std::shared_ptr<environment> env, id_t number, std::string origin,
             std::vector<worker_handle> workers, planner_handle planner);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  using delivery_ptr = std::shared_ptr<prepared>;

  /// An outcome on its way to the store; kept and written again until the store has it.
  struct settlement {
    delivery_ptr delivery;
    std::vector<domain::row_change> rows;
    std::optional<timestamp_t> again_at;  ///< the delivery comes back then; nothing: it has left
    bool leaves = false;                  ///< the delivery is in the store no more
    std::optional<delivery_result> ended;
    bool swept = false;        ///< it was not under way
    timestamp_t retry_at = 0;  ///< 0: a commit is under way
  };

  // what to do next
  void pump();
  void start(const lane_entry& entry);
  void load(const lane::load& what);
  void sweep();
  void wake_up_at(timestamp_t when);
  void report();
  void end_if_done();

  // a delivery's way
  void on_prepared(const delivery_ptr& delivery);
  void on_absent(const delivery_ptr& delivery);
  void give_back(const lane_entry& entry, timestamp_t not_before);
  void on_answered(const delivery_ptr& delivery, const ports::push_answer& answer);
  void on_removed(const device_removed& message);
  void after_refusal(const delivery_ptr& delivery);
  void after_failure(const delivery_ptr& delivery, const judgement& what);
  void remove_device_of(const delivery_ptr& delivery);
  void record_success(const delivery_ptr& delivery);
  void count(const judgement& what, const ports::push_answer& answer);

  // its end
  void end(const delivery_ptr& delivery, delivery_result result, std::string reason);
  void drop(const delivery_ptr& delivery);
  void retry(const delivery_ptr& delivery, std::string_view word, std::optional<timestamp_t> at);
  void settle(settlement what);
  void submit(std::uint64_t number);
  void on_settled(const settlement_committed& message);
  void retry_settlements(timestamp_t now);

  void on_swept(swept_rows& rows);
  void take_in_hand(std::int64_t count = 1);
  worker_handle& next_worker();
  [[nodiscard]] timestamp_t now() const { return env_->clock->now(); }

  const std::shared_ptr<environment> env_;
  lane lane_;
  const bool allowed_;
  std::vector<worker_handle> workers_;
  planner_handle planner_;
  std::set<std::string> absent_once_;  ///< names; see on_absent
  std::size_t next_worker_ = 0;
  std::map<std::uint64_t, settlement> settlements_;
  std::uint64_t last_settlement_ = 0;
  std::int64_t in_hand_ = 0;       ///< this lane's part of metrics_recorder::in_hand
  std::size_t sweep_endings_ = 0;  ///< expired deliveries of a sweep that are being written
  timestamp_t next_sweep_ = 0;
  std::optional<domain::row_key> sweep_after_;
  std::optional<timestamp_t> sweep_first_due_;
  timestamp_t idle_since_ = 0;
  timestamp_t reported_at_ = 0;
  lane_state reported_state_ = lane_state::flowing;
  timestamp_t wake_at_ = 0;  ///< 0: no timer
  bool retiring_ = false;
};

}  // namespace social::push
