// The actor of the bridge, and what it shares with whoever asks how far it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/reply_slot.hpp"
#include "actors/kafka/bridge.hpp"
#include "actors/kafka/bridge_cursors.hpp"
#include "actors/kafka/bridge_reader.hpp"
#include "actors/kafka/bridge_window.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::kafka::bridging {

struct journal_moved {};
/// The interval after a look that found something is over.
struct planned_look {};
/// The producer has reports.
struct reports_came {};
/// The turn was over before the work was.
struct go_on {};
/// Now and then: how old the oldest event is, and whatever a lost signal would have left undone.
struct look_around {};
struct topics_exist {};
/// The delay after a failure is over.
struct try_again {};
struct write_cursors {};
struct cursors_written {
  result<void> outcome;
};
/// Answered when the shard's cursor is there.
struct await_published {
  shard_t shard = 0;
  std::uint64_t sequence = 0;
  std::shared_ptr<reply_slot<void>> reply;
};
/// Flush, write the cursors, quit.
struct end_bridge {
  std::int64_t deadline_us = 0;  ///< monotonic
};

using bridge_actor =
    caf::typed_actor<caf::reacts_to<journal_moved>, caf::reacts_to<planned_look>, caf::reacts_to<reports_came>,
                     caf::reacts_to<go_on>, caf::reacts_to<look_around>, caf::reacts_to<topics_exist>,
                     caf::reacts_to<try_again>, caf::reacts_to<write_cursors>, caf::reacts_to<cursors_written>,
                     caf::reacts_to<await_published>, caf::reacts_to<end_bridge>>;

/// Shared by the actor, its owner and the callbacks that signal it.
struct board {
  std::mutex mutex;  ///< of `status` and `oldest`
  bridge_status status;
  std::optional<timestamp_t> oldest;  ///< when the oldest event behind the cursors happened, as of the last look
  std::mutex working;                 ///< held while journal, store or clock are used: nothing of that after `stopped`
  bool stopped = false;
  std::atomic<bool> moved{false};    ///< a journal_moved is on its way, or a look will follow anyway
  std::atomic<bool> reports{false};  ///< a reports_came is
};

/// What the actor works with; references outlive it, or at least `board::stopped`.
struct plan {
  bridge_options options;
  ports::journal& source;
  ports::store cursors;
  const ports::clock& clock;
  publish_function project;
  producer_factory make;
};

/// Thread: its own (detached), because reading the journal may touch the disk and giving up a producer may wait for
/// librdkafka's threads. Between two messages it sends a bounded number of records. Ends by `end_bridge`, or by an exit
/// message when its owner has no time left.
class runner final : public runtime::instrumented<bridge_actor::base> {
 public:
  using super = runtime::instrumented<bridge_actor::base>;
  runner(caf::actor_config& cfg, runtime::node_context& node, plan with, std::shared_ptr<board> shared,
         std::shared_ptr<void> ticket);

  behavior_type make_behavior() override;
  void on_exit() override;

 protected:
  std::string state_json() const override;

 private:
  template <class Message, class Work>
  auto guarded(Work work);

  // Where publishing goes on
  void load_cursors();
  void write_cursors_now();
  void plan_cursors();
  void on_cursors_written(const result<void>& outcome);

  // Sending
  void publish();
  bool send_piece();
  bool has_room(const publication& next) const;
  bool send(const publication& next);
  bool stop_at(const publication& next, const error& why);
  void note_refusal(const std::string& topic, shard_t shard, std::uint64_t sequence, const error& why);
  bool make_producer();
  bool is_too_early();
  bool may_wait_for_look() const;
  void continue_later();

  // What became of it
  /// The number taken. A failure among them ends this life: `resting_` then.
  std::size_t take_reports(std::size_t max);
  void take_all_reports();
  void take(const delivery_report& report);
  void restart(const error& why);
  void note_failure(const error& why);
  void note_success();
  void answer_waiting();

  void look_around_now();
  void end(std::int64_t deadline_us);
  void leave_when_written();
  void settle();
  void show();

  const plan plan_;
  const std::shared_ptr<board> board_;
  std::shared_ptr<void> ticket_;
  bridge_reader reader_;
  bridge_cursors cursors_;
  publish_window window_;  ///< empty until the cursors were read
  std::unique_ptr<producer> producer_;
  std::vector<delivery_report> reports_;                                                  ///< kept for its memory
  std::vector<std::multimap<std::uint64_t, std::shared_ptr<reply_slot<void>>>> waiting_;  ///< by shard and sequence
  std::size_t waiting_count_ = 0;

  bool opened_ = false;
  bool resting_ = false;  ///< after a failure
  bool ending_ = false;
  bool behind_ = false;  ///< the last turn left something unsent
  bool going_on_ = false;
  bool look_planned_ = false;
  bool write_planned_ = false;
  std::int64_t last_found_us_ = 0;  ///< monotonic
  std::int64_t pause_ms_ = 0;       ///< between that look and the next one
  std::uint64_t look_from_ = 0;     ///< `sent_` when the present look began

  /// A failure of this life or the last ones that is not over: said once, and once that it is over.
  struct trouble {
    shard_t shard = 0;
    std::uint64_t sequence = 0;  ///< over when this event is acknowledged; 0: when anything is
  };
  std::optional<trouble> trouble_;
  std::optional<trouble> failed_;  ///< among the reports at hand
  error why_failed_;
  std::int64_t delay_ms_;
  std::string cursors_failure_;  ///< why they cannot be read or written; empty: they can
  /// By shard: records of events up to this one travel alone, because the broker refused one of them or of those that
  /// travelled with it.
  std::vector<std::uint64_t> suspects_;
  std::optional<std::string> alone_;  ///< the topic of the record that travels alone at the moment
  struct refusal {
    std::uint64_t sequence = 0;
    std::string sentence;
  };
  /// By shard: the record that was refused though it travelled alone. Nothing behind it is published before it is
  /// taken.
  std::map<shard_t, refusal> refusals_;

  std::uint64_t sent_ = 0;
  std::uint64_t take_reports_at_ = 0;  ///< of `sent_`
  std::uint64_t published_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t restarts_ = 0;
  std::string last_failure_;
};

}  // namespace social::kafka::bridging

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::journal_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::planned_look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::reports_came)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::go_on)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::look_around)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::topics_exist)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::try_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::write_cursors)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::cursors_written)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::await_published)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::bridging::end_bridge)
