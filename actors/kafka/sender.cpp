#include "actors/kafka/sender.hpp"

#include <atomic>
#include <deque>
#include <unordered_map>

#include "actors/base/log.hpp"
#include "actors/runtime/actor_base.hpp"
#include "actors/runtime/exit_gate.hpp"

namespace social::kafka {
namespace {

/// A record, and who wants to know what became of it. An owner that is lost answers outcome_unknown.
struct sending {
  std::shared_ptr<const record> what;
  std::shared_ptr<reply_slot<placed>> done;
};
/// The producer has something to collect.
struct reports_came {};
/// The wait after a producer's end is over.
struct begin_again {};
/// Nothing new comes; the ticket is let go of when nothing is under way any more.
struct end_sender {};

using sender_actor = caf::typed_actor<caf::reacts_to<sending>, caf::reacts_to<reports_came>,
                                      caf::reacts_to<begin_again>, caf::reacts_to<end_sender>>;

constexpr std::size_t reports_at_once = 1'000;
/// After the deadline of a stop: for giving up what is left. It takes as long as a producer needs to end.
constexpr auto give_up_patience = std::chrono::seconds(5);

/// Counted by the actor and by callers, read by anybody.
struct counters {
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> waiting{0};
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<bool> signalled{false};  ///< a reports_came is in the mailbox
};

}  // namespace
}  // namespace social::kafka

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::sending)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::reports_came)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::begin_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::kafka::end_sender)

namespace social::kafka {
namespace {

/// Runs detached, because ending a producer waits for its threads. Holds one producer at a time, and none for a while
/// after one has failed for good: what comes then waits here, within the sender's limit.
class runner final : public runtime::instrumented<sender_actor::base> {
 public:
  using super = runtime::instrumented<sender_actor::base>;
  runner(caf::actor_config& cfg, runtime::node_context& node, sender_options options, producer_factory make,
         std::shared_ptr<counters> numbers, std::shared_ptr<void> ticket)
      : super(cfg, node, {"sender", std::hash<std::string>{}(options.name) & 0xffff, 0, 0}),
        options_(std::move(options)),
        make_(std::move(make)),
        numbers_(std::move(numbers)),
        ticket_(std::move(ticket)) {}

  behavior_type make_behavior() override {
    return {
        [this](sending& message) {
          queue_.push_back(std::move(message));
          push_queue();
        },
        [this](reports_came) {
          numbers_->signalled = false;
          collect();
          push_queue();
        },
        [this](begin_again) {
          resting_ = false;
          push_queue();
        },
        [this](end_sender) {
          ending_ = true;
          // The producer that would send them does not come any more.
          if (resting_) give_up_queue();
          end_if_done();
        },
    };
  }

  void on_exit() override {
    producer_.reset();
    queue_.clear();
    under_way_.clear();
    ticket_.reset();
    super::on_exit();
  }

 protected:
  std::string state_json() const override {
    return R"({"queued":)" + std::to_string(queue_.size()) + R"(,"underWay":)" + std::to_string(under_way_.size()) +
           "}";
  }

 private:
  void push_queue() {
    while (!queue_.empty() && has_producer()) {
      auto& next = queue_.front();
      const auto token = next_token_++;
      // Before the push: its report may have come when `push` returns, but is read later, here.
      switch (producer_->push(*next.what, token)) {
        case producer::taken::full:
          return;
        case producer::taken::rejected:
          answer(*next.done, producer_->why_rejected());
          break;
        case producer::taken::queued:
          under_way_.emplace(token, std::move(next.done));
          break;
      }
      queue_.pop_front();
    }
    end_if_done();
  }

  bool has_producer() {
    if (producer_) return true;
    if (resting_) return false;
    auto made = make_([self = caf::actor_cast<sender_actor>(this), numbers = numbers_] {
      if (!numbers->signalled.exchange(true)) caf::anon_send(self, reports_came{});
    });
    if (made) {
      producer_ = std::move(*made);
      return true;
    }
    log::error("kafka", "a producer could not be made", {{"sender", options_.name}, {"reason", made.error().text()}});
    rest();
    return false;
  }

  void collect() {
    if (!producer_) return;
    // All that came, before it is replaced. Never more than the sender's limit of records.
    while (collect_some()) {
    }
    if (const auto why = producer_->fatal()) replace(*why);
    end_if_done();
  }

  /// True: there may be more.
  bool collect_some() {
    reports_.clear();
    producer_->collect(reports_, reports_at_once);
    for (auto& report : reports_) {
      const auto found = under_way_.find(report.token);
      if (found == under_way_.end()) continue;
      const auto done = std::move(found->second);
      under_way_.erase(found);
      answer(*done, std::move(report.outcome));
    }
    return reports_.size() == reports_at_once;
  }

  /// What it held may have been sent or not.
  void replace(const error& why) {
    log::error("kafka", "a producer has failed for good and is replaced",
               {{"sender", options_.name}, {"reason", why.text()}});
    numbers_->restarts.fetch_add(1, std::memory_order_relaxed);
    producer_.reset();
    auto lost = std::exchange(under_way_, {});
    for (auto& [token, done] : lost) answer(*done, error{error_code::outcome_unknown, std::string(why.text())});
    rest();
  }

  void rest() {
    resting_ = true;
    if (ending_) return give_up_queue();
    delayed_send(this, std::chrono::milliseconds(options_.retry_ms), begin_again{});
  }

  void give_up_queue() {
    auto left = std::exchange(queue_, {});
    for (auto& each : left) answer(*each.done, error{error_code::unavailable, "the sender is being stopped"});
  }

  void answer(reply_slot<placed>& done, result<placed> outcome) {
    (outcome ? numbers_->sent : numbers_->failed).fetch_add(1, std::memory_order_relaxed);
    done.answer(std::move(outcome));
  }

  void end_if_done() {
    if (ending_ && queue_.empty() && under_way_.empty()) quit();
  }

  const sender_options options_;
  const producer_factory make_;
  const std::shared_ptr<counters> numbers_;
  std::shared_ptr<void> ticket_;
  std::unique_ptr<producer> producer_;
  std::deque<sending> queue_;  ///< not with the producer yet
  std::unordered_map<std::uint64_t, std::shared_ptr<reply_slot<placed>>> under_way_;
  std::vector<delivery_report> reports_;
  std::uint64_t next_token_ = 1;
  bool resting_ = false;
  bool ending_ = false;
};

}  // namespace

class sender::parts {
 public:
  parts(runtime::node& node, sender_options options, producer_factory make)
      : node_(node), name_(options.name), records_max_(options.records_max) {
    actor_ =
        node.spawn_blocking<runner>(node.context(), std::move(options), std::move(make), numbers_, ended_.ticket());
  }
  ~parts() {
    if (!node_.deterministic()) stop(std::chrono::milliseconds(0));
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
  }
  parts(const parts&) = delete;
  parts& operator=(const parts&) = delete;

  void send(record what, std::function<void(result<placed>)> done) {
    if (stopped_) return done(error_code::shutting_down);
    if (numbers_->waiting.fetch_add(1) >= records_max_) {
      numbers_->waiting.fetch_sub(1);
      numbers_->refused.fetch_add(1, std::memory_order_relaxed);
      return done(error_code::overloaded);
    }
    auto slot =
        std::make_shared<reply_slot<placed>>([numbers = numbers_, done = std::move(done)](result<placed> outcome) {
          numbers->waiting.fetch_sub(1);
          done(std::move(outcome));
        });
    caf::anon_send(actor_, sending{std::make_shared<const record>(std::move(what)), std::move(slot)});
  }

  [[nodiscard]] sender_metrics metrics() const {
    return {numbers_->sent, numbers_->failed, numbers_->refused, numbers_->waiting, numbers_->restarts};
  }

  bool stop(std::chrono::milliseconds deadline) {
    if (stopped_.exchange(true)) return true;
    caf::anon_send(actor_, end_sender{});
    // Where there are no threads, nobody may wait for an actor.
    const bool in_time = node_.deterministic() || ended_.wait(deadline);
    if (in_time) return true;
    // What is still held is answered outcome_unknown when the actor lets go of it; nobody is called after that.
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    if (!ended_.wait(give_up_patience))
      log::error("kafka", "a sender does not end: its producer cannot be stopped", {{"sender", name_}});
    return false;
  }

 private:
  runtime::node& node_;
  const std::string name_;
  const std::size_t records_max_;
  const std::shared_ptr<counters> numbers_ = std::make_shared<counters>();
  runtime::exit_gate ended_;
  sender_actor actor_;
  std::atomic<bool> stopped_{false};
};

sender::sender(runtime::node& node, sender_options options, producer_factory make)
    : parts_(std::make_unique<parts>(node, std::move(options), std::move(make))) {}
sender::~sender() = default;
void sender::send(record what, std::function<void(result<placed>)> done) {
  parts_->send(std::move(what), std::move(done));
}
sender_metrics sender::metrics() const {
  return parts_->metrics();
}
bool sender::stop(std::chrono::milliseconds deadline) {
  return parts_->stop(deadline);
}

}  // namespace social::kafka
