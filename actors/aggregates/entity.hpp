// The one shell of all aggregates: receive -> look up -> decide -> commit -> reply.
//
// Owned by its shard (or, a comment, by its post). Runs on the scheduler's threads and never blocks: a row that is not
// in the block cache is fetched by a detached reader while later commands wait in the bounded queue. Commands pipeline:
// the next one is decided on the newest in-memory state before the previous fsync is done, but nothing that is not
// durable leaves: replies wait for their own batch, and a reply that changed nothing (or a refusal) waits for the
// batches it was decided upon. Ends when idle and told so, or with an exception; after a failed write it drops its
// speculative state and stops, so that the next message starts from what the store really has.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "actors/aggregates/environment.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::aggregates {

class entity final : public runtime::instrumented<entity_actor::base> {
 public:
  using super = runtime::instrumented<entity_actor::base>;
  entity(caf::actor_config& cfg, std::shared_ptr<const environment> env, entity_origin origin, shard_internals shard,
         entity_actor parent);

  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;
  bool shed(caf::type_erased_tuple& content) override;

 private:
  struct waiting_command {
    protocol::command_message message;
    domain::facts facts;
    std::unique_ptr<plan> decided;
  };
  /// A child's part in a command; nobody's when `id` is 0.
  struct child_part {
    entity_actor handle;
    domain::aggregate_kind kind{};
    id_t id = 0;
    std::uint64_t token = 0;
  };
  /// A command whose batch is on its way, and what was answered upon it.
  struct in_flight {
    std::uint64_t number = 0;
    protocol::command_slot reply;
    domain::erased_ptr answer;
    child_part child;
    std::optional<commit_done> done;           ///< arrived; resolved when those before it are
    std::vector<const domain::row_key*> rows;  ///< of pending_rows_; those a later one has written, too, stay there
    std::vector<std::pair<protocol::command_slot, protocol::command_result>> after;
  };
  struct pending_row {
    std::uint64_t number = 0;
    std::optional<std::string> value;
  };
  struct child_entry {
    id_t id = 0;
    domain::aggregate_kind kind{};
    entity_actor handle;
    std::size_t steps_in_flight = 0;
    std::uint64_t durable = 0;  ///< its steps of up to this token are
    bool newborn = false;       ///< made by its first step, and not used since
  };
  using child_list = std::list<child_entry>;

  // commands
  void on_command(protocol::command_message& message);
  void on_child_request(decide_for_parent& request);
  void pump();
  void step_front();
  void decide_front(domain::facts facts);
  /// The first of the rows are those of the command's idempotency key: one that was carried out is not decided again.
  void decide_unless_repeated(std::vector<std::optional<std::string>> rows);
  [[nodiscard]] protocol::command_result stored_outcome(const domain::command_context& context,
                                                        const domain::idempotency_row& row) const;
  [[nodiscard]] domain::row_change outcome_row(const domain::command_context& context, domain::aggregate_kind answering,
                                               const domain::erased& reply) const;
  void decide_planned(waiting_command& command);
  /// Runs under a reserved place in the commit queue, which is given back when the rules throw.
  step carry_out(waiting_command& command);
  void ask_child(waiting_command& command);
  void on_child_decided(decided_for_parent& message);
  void submit(protocol::command_message& message, step done, child_part child);
  void finish_front(protocol::command_result outcome);
  void refuse_front(error why);
  void answer_child_request(std::shared_ptr<result<step>> outcome);

  // reading
  using continuation = std::function<void(std::vector<std::optional<std::string>>)>;
  void read(std::vector<domain::row_key> keys, continuation then);
  void on_rows(rows_arrived& message);
  void complete_read(std::vector<ports::row_value> values, const continuation& then);
  void load_then_pump();
  /// The store has failed since the state was read, and nothing is in flight: what it really has is read again.
  void forget_if_stale();

  // commits
  void on_commit_done(const commit_done& message);
  void keep_pending(std::uint64_t number, const std::vector<domain::row_change>& rows,
                    std::vector<const domain::row_key*>& kept);
  void resolve_front();
  void resolve(in_flight& flight, const std::optional<error>& failure);
  void drop_speculative_state(const error& why);
  void stop_if_done();
  [[nodiscard]] child_entry& child_for(const domain::child_command& command);
  [[nodiscard]] entity_actor take_spare_child(const domain::child_command& wanted);
  void forget_child(id_t id);
  void forget_ended_child(caf::actor_id actor);
  void become_child(id_t id, bool fresh);
  void on_take_over(take_over& message);
  void forget_state(bool fresh);
  void forget_children();

  const std::shared_ptr<const environment> env_;
  entity_origin origin_;
  const descriptor& kind_;
  shard_internals shard_;
  entity_actor parent_;
  std::unique_ptr<aggregate_instance> instance_;

  bool loaded_ = false;
  bool waiting_ = false;  ///< for rows or for a child
  bool stopping_ = false;
  bool void_told_ = false;  ///< the shard knows
  bool void_ = false;       ///< a batch failed: the in-memory state is worth nothing
  bool crashed_ = true;     ///< until it ends in order
  std::uint64_t epoch_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t received_ = 0;  ///< commands, since it is who it is
  std::uint64_t token_ = 0;
  caf::actor_id asked_child_ = 0;     ///< whose answer the command in front waits for
  std::list<waiting_command> queue_;  // lists: empty deques would be a quarter of an idle entity's memory
  std::list<in_flight> flights_;
  std::unordered_map<domain::row_key, pending_row, domain::row_key_hash> pending_rows_;
  child_list children_;          ///< the longest unused first
  child_list newborn_children_;  ///< the others: eldest first
  std::unordered_map<id_t, child_list::iterator> child_places_;

  // the read under way
  std::vector<ports::row_value> read_values_;
  std::vector<std::size_t> read_missing_;
  continuation read_then_;
  // the parent's request under way (children only)
  std::optional<decide_for_parent> child_request_;
};

}  // namespace social::aggregates
