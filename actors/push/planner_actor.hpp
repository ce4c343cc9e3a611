// The one actor that turns events into deliveries, and does everything else that is planned upon rows.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/push/actors.hpp"
#include "actors/push/environment.hpp"
#include "actors/push/planner.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::push {

/// Spawned detached by push_role; it blocks on reads. One commit is under way at a time, so that every step reads what
/// the one before it wrote: windows and cursors need no locks. Steps of different kinds take turns, so that a fan-out
/// to many does not hold up a comment. Owns the lanes and the workers; ends after them.
class planner_actor final : public runtime::instrumented<planner_handle::base> {
 public:
  using super = runtime::instrumented<planner_handle::base>;
  /// `detached_workers` false: tests with a scheduler of their own.
  planner_actor(caf::actor_config& cfg, std::shared_ptr<environment> env, bool detached_workers);
  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  struct lane_slot {
    lane_handle handle;
    bool retiring = false;
    std::optional<timestamp_t> stored_due;  ///< work that came while it was retiring
  };
  struct job {
    domain::row_key key;
    std::int64_t created = 0;
    std::uint64_t done_up_to = 0;
  };
  /// Fan-outs in memory; more wait in the store.
  static constexpr std::size_t jobs_max = 4096;
  using then_function = std::function<void(const result<std::uint64_t>&)>;

  // steps: each returns true when it began something or there may be more to do at once
  void work();
  bool step();
  void notice_failed_store();
  bool recover();
  bool consume();
  bool end_windows();
  bool expand_fan_outs();
  bool forget_events();
  bool react();
  bool trim_dead_letters();
  bool replay();
  bool find_waiting_lanes();
  bool recount();

  bool recover_jobs();
  bool recover_cursors();
  void later(timestamp_t& when, const error& why);
  void commit(std::vector<domain::row_change> rows, bool must_sync, then_function then);
  /// Commits a plan of the role's own and hands out what it holds. A failure makes `next` wait; `then` runs after
  /// success.
  void commit_plan(plan planned, timestamp_t& next, std::function<void(const plan&)> then);
  void carry_out(const plan& done);
  std::optional<shard_t> choose_shard();
  void rest(shard_t shard, const error& why);
  void finish_reaction(bool done);
  [[nodiscard]] std::optional<domain::row_key> letter_with_id(const std::string& id) const;

  // lanes
  void hand_out(const std::vector<planned_delivery>& deliveries);
  void offer(const std::string& origin, std::vector<lane_entry> entries);
  void wake_lane(const std::string& origin, timestamp_t due);
  lane_slot* lane_for(const std::string& origin, timestamp_t due);
  void remember_origin(const std::string& origin, timestamp_t due);
  void rescan_origins();
  void make_lane_room();
  void retire(lane_slot& slot);
  void on_lane_ended(const lane_has_ended& message);
  void on_lane_down(const caf::actor_addr& lane);

  void set_timer();
  void stop_if_done();
  [[nodiscard]] timestamp_t now() const { return env_->clock->now(); }

  const std::shared_ptr<environment> env_;
  const planner planner_;
  std::vector<worker_handle> workers_;
  std::map<std::string, lane_slot> lanes_;
  struct waiting_origin {
    std::string origin;
    timestamp_t due = 0;
  };
  std::deque<waiting_origin> origins_waiting_;  ///< for a lane, in the order they came
  bool origins_forgotten_ = false;              ///< more waited than are remembered: the store is asked again
  id_t lanes_started_ = 0;

  bool busy_ = false;  ///< a commit or a reaction's commands are under way
  then_function then_;
  std::shared_ptr<std::atomic<bool>> moved_signal_ = std::make_shared<std::atomic<bool>>(false);
  std::size_t turn_ = 0;
  std::deque<consume_events> batches_;
  std::deque<replay_letter> replays_;
  std::deque<job> jobs_;  ///< fan-outs, oldest first
  bool jobs_forgotten_ = false;
  struct shard_of_reactions {
    std::uint64_t cursor = 0;
    std::uint64_t written_cursor = 0;  ///< as it is in the store
    timestamp_t rests_until = 0;
    std::int64_t rest_ms = 0;  ///< 0: the last try went well
  };
  std::vector<shard_of_reactions> reacting_;
  shard_t next_shard_ = 0;  ///< whose turn it is
  struct running_reaction {
    shard_t shard = 0;
    std::uint64_t read_up_to = 0;
    std::vector<domain::row_change> rows;
    std::size_t outstanding = 0;
    bool failed = false;
  };
  std::optional<running_reaction> reaction_;
  bool journal_moved_ = true;
  std::uint64_t watcher_ = 0;
  std::uint64_t letters_at_trim_ = 0;

  std::uint64_t epoch_ = 0;  ///< of the store when what is known here was read of it
  std::optional<domain::row_key> recover_after_;
  bool recovered_ = false;
  bool jobs_recovered_ = false;

  // When each kind of step may next be tried; 0: at once.
  timestamp_t next_recover_ = 0;
  timestamp_t next_window_ = 0;
  timestamp_t next_fan_out_ = 0;
  timestamp_t next_forget_ = 0;
  timestamp_t next_reaction_ = 0;
  timestamp_t next_trim_ = 0;
  timestamp_t next_rescan_ = 0;
  bool pending_in_doubt_ = false;  ///< the store has failed since the count was known to be right
  timestamp_t next_recount_ = 0;
  timestamp_t wake_at_ = 0;

  bool ending_ = false;
  std::shared_ptr<void> stopped_;  ///< dropped at the very end; points to nothing
};

}  // namespace social::push
