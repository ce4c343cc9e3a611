#include "actors/inspect/inspector.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "actors/base/json_writer.hpp"
#include "actors/runtime/actor_base.hpp"

namespace social::inspect {
namespace {

constexpr auto state_deadline = std::chrono::milliseconds(500);
constexpr auto replay_deadline = std::chrono::seconds(10);
constexpr std::size_t dead_letters_listed = 100;

/// Looks at one question until it is answered or its time is over; whoever comes first takes `done`.
struct question {
  protocol::actor_detail detail;
  std::function<void(result<protocol::actor_detail>)> done;
  std::atomic<bool> taken{false};

  void finish(std::string state) {
    if (taken.exchange(true)) return;
    detail.state_json = std::move(state);
    done(std::move(detail));
  }
};

/// A replay that was begun; whoever comes first takes `done`.
struct begun_replay {
  std::function<void(result<void>)> done;
  std::atomic<bool> taken{false};

  void finish(result<void> outcome) {
    if (!taken.exchange(true)) done(std::move(outcome));
  }
};

struct watch_question {
  std::shared_ptr<question> asked;
};
struct time_over {
  std::shared_ptr<question> asked;
};
struct watch_replay {
  std::shared_ptr<begun_replay> begun;
};
struct replay_over {
  std::shared_ptr<begun_replay> begun;
};
using asker_interface = caf::typed_actor<caf::reacts_to<watch_question>, caf::reacts_to<time_over>,
                                         caf::reacts_to<watch_replay>, caf::reacts_to<replay_over>>;

protocol::actor_info to_protocol(const runtime::actor_numbers& n) {
  return {n.kind,    n.id,     n.shard,  n.mailbox_depth, n.messages_handled, n.failures,
          n.busy_us, n.p50_us, n.p99_us, n.last_message,  n.idle_ms,          n.age_ms};
}

runtime::actor_order to_runtime(protocol::actor_order order) {
  switch (order) {
    case protocol::actor_order::mailbox:
      return runtime::actor_order::mailbox;
    case protocol::actor_order::busy:
      return runtime::actor_order::busy;
    case protocol::actor_order::age:
      return runtime::actor_order::age;
    case protocol::actor_order::id:
      break;
  }
  return runtime::actor_order::id;
}

}  // namespace
}  // namespace social::inspect

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::inspect::watch_question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::inspect::time_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::inspect::watch_replay)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::inspect::replay_over)

namespace social::inspect {
namespace {

/// Keeps the clock for questions to actors that may be stuck, and for replays that wait for somebody else.
class asker_actor final : public runtime::instrumented<asker_interface::base> {
 public:
  using super = runtime::instrumented<asker_interface::base>;
  asker_actor(caf::actor_config& cfg, runtime::node_context& node) : super(cfg, node, {"inspector", 1, 0, 0}) {}
  behavior_type make_behavior() override {
    return {
        [this](watch_question& message) { delayed_send(this, state_deadline, time_over{std::move(message.asked)}); },
        [](time_over& message) { message.asked->finish(std::string()); },
        [this](watch_replay& message) { delayed_send(this, replay_deadline, replay_over{std::move(message.begun)}); },
        [](replay_over& message) {
          message.begun->finish(
              error(error_code::outcome_unknown, "The dead letter is under way, but nothing has acknowledged it yet"));
        },
    };
  }
};

void collect_actors(const runtime::directory& actors, metric_sink& sink) {
  for (const auto& [kind, sums] : actors.totals()) {
    const labels with{{"kind", kind}};
    sink.gauge("social_actor_live_count", "Live actors", static_cast<double>(sums.actors), with);
    sink.gauge("social_mailbox_depth_messages", "Messages waiting in mailboxes",
               static_cast<double>(sums.mailbox_depth), with);
    sink.counter("social_actor_handled_messages_total", "Messages handled", static_cast<double>(sums.messages_handled),
                 with);
    sink.counter("social_actor_failures_total", "Handlers that ended with an error", static_cast<double>(sums.failures),
                 with);
    sink.counter("social_mailbox_shed_messages_total", "Requests refused at a full mailbox or queue",
                 static_cast<double>(sums.shed), with);
    sink.counter("social_actor_busy_seconds_total", "Time spent in handlers", static_cast<double>(sums.busy_us) / 1e6,
                 with);
  }
}

void collect_threads(const runtime::run_queue::numbers& now, metric_sink& sink) {
  sink.gauge("social_actor_runnable_count", "Actors that wait for a thread", static_cast<double>(now.queued));
  sink.gauge("social_actor_idle_threads_count", "Scheduler threads without work", static_cast<double>(now.waiting));
  sink.counter("social_actor_wakeups_total", "Times a scheduler thread without work was woken",
               static_cast<double>(now.woken));
}

std::string dead_letter_report(const runtime::dead_letter_office& office) {
  std::string out;
  json_writer json(out);
  json.begin_object().key("counts").begin_object();
  for (const auto& [reason, count] : office.counts()) json.member(reason, count);
  json.end_object().key("newest").begin_array();
  for (const auto& letter : office.newest(dead_letters_listed))
    json.begin_object()
        .time_member("at", letter.at)
        .member("reason", std::string_view(letter.reason))
        .member("from", std::string_view(letter.from))
        .member("message", std::string_view(letter.message))
        .end_object();
  json.end_array().end_object();
  return out;
}

}  // namespace

struct inspector::asker {
  std::mutex mutex;
  asker_interface actor;
};

inspector::inspector(runtime::node& node) : node_(node), asker_(std::make_unique<asker>()) {
  asker_->actor = node.system().spawn<asker_actor>(node.context());
  add_metrics([&node](metric_sink& sink) { collect_actors(node.context().actors, sink); });
  add_metrics([&node](metric_sink& sink) { collect_threads(node.run_queue_numbers(), sink); });
  add_metrics([&node](metric_sink& sink) {
    for (const auto& [reason, count] : node.context().dead_letters.counts())
      sink.counter("social_actor_dead_letters_total", "Messages that could not be delivered inside the node",
                   static_cast<double>(count), {{"reason", reason}});
  });
  add_dead_letters("node", [&node] { return dead_letter_report(node.context().dead_letters); });
  add_report("dead-letters", [this] {
    std::string out;
    json_writer json(out);
    json.begin_object();
    for (const auto& [component, report] : dead_letters_) json.key(component).raw(report());
    json.end_object();
    return out;
  });
}

inspector::~inspector() {
  stop();
}

void inspector::stop() {
  const std::lock_guard lock(asker_->mutex);
  if (asker_->actor) caf::anon_send_exit(asker_->actor, caf::exit_reason::user_shutdown);
  asker_->actor = nullptr;
}

void inspector::add_checks(std::function<std::vector<protocol::readiness_check>()> checks) {
  checks_.push_back(std::move(checks));
}
void inspector::add_metrics(std::function<void(metric_sink&)> collect) {
  collectors_.push_back(std::move(collect));
}
void inspector::add_report(const std::string& name, std::function<std::string()> report) {
  reports_[name] = std::move(report);
}
void inspector::add_dead_letters(const std::string& component, std::function<std::string()> report) {
  dead_letters_[component] = std::move(report);
}
void inspector::add_subscriber(std::function<std::string()> report) {
  add_element("subscribers", std::move(report));
}
void inspector::add_journal(std::function<std::string()> report) {
  add_element("journals", std::move(report));
}
void inspector::add_element(const std::string& name, std::function<std::string()> report) {
  auto& list = lists_[name];
  list.push_back(std::move(report));
  if (list.size() > 1) return;
  add_report(name, [&list] {  // elements of a map stay where they are
    std::string out;
    json_writer json(out);
    json.begin_array();
    for (const auto& each : list) json.raw(each());
    json.end_array();
    return out;
  });
}
void inspector::add_replayer(std::function<bool(std::string_view)> owns,
                             std::function<void(std::string, std::function<void(result<void>)>)> replay) {
  replayers_.push_back({std::move(owns), std::move(replay)});
}

std::vector<protocol::actor_info> inspector::actors(const protocol::actor_filter& filter) const {
  std::vector<protocol::actor_info> out;
  for (const auto& numbers :
       node_.context().actors.list({filter.kind, filter.shard, to_runtime(filter.order), filter.limit}))
    out.push_back(to_protocol(numbers));
  return out;
}

void inspector::actor(const std::string& kind, id_t id, std::function<void(result<protocol::actor_detail>)> done) {
  auto found = node_.context().actors.find(kind, id);
  if (!found.handle) return done(error_code::actor_not_active);
  auto asked = std::make_shared<question>();
  asked->detail.info = to_protocol(found.info);
  asked->done = std::move(done);
  {
    const std::lock_guard lock(asker_->mutex);
    if (!asker_->actor) return asked->done(error_code::shutting_down);
    caf::anon_send(asker_->actor, watch_question{asked});
  }
  caf::anon_send(found.handle, runtime::inspect_request{
                                   id, std::make_shared<reply_slot<std::string>>([asked](result<std::string> state) {
                                     asked->finish(state ? *state : std::string());
                                   })});
}

std::vector<protocol::readiness_check> inspector::readiness() const {
  std::vector<protocol::readiness_check> all;
  for (const auto& checks : checks_)
    for (auto& check : checks()) all.push_back(std::move(check));
  return all;
}

std::string inspector::metrics() const {
  metric_sink sink;
  for (const auto& collect : collectors_) collect(sink);
  return sink.text();
}

std::optional<std::string> inspector::report(const std::string& name) const {
  const auto it = reports_.find(name);
  if (it == reports_.end()) return std::nullopt;
  return it->second();
}

void inspector::replay(const std::string& id, std::function<void(result<void>)> done) {
  const auto owner = std::ranges::find_if(replayers_, [&id](const auto& each) { return each.owns(id); });
  if (owner == replayers_.end()) return done(error_code::not_found);
  auto begun = std::make_shared<begun_replay>();
  begun->done = std::move(done);
  {
    const std::lock_guard lock(asker_->mutex);
    if (!asker_->actor) return begun->finish(error_code::shutting_down);
    caf::anon_send(asker_->actor, watch_replay{begun});
  }
  owner->replay(id, [begun](result<void> outcome) { begun->finish(std::move(outcome)); });
}

}  // namespace social::inspect
