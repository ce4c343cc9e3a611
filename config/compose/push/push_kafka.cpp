#include "config/compose/push/push_kafka.hpp"

#include <algorithm>
#include <atomic>

#include "actors/base/log.hpp"
#include "actors/kafka/clients.hpp"
#include "actors/kafka/push/dead_letter_topics.hpp"
#include "config/compose/common/kafka_report.hpp"
#include "config/compose/push/published_changes.hpp"
#include "config/compose/push/push_kafka_report.hpp"

namespace social::compose {
namespace {

/// Full from the limit on until a tenth of it is done: consuming does not flutter around the limit.
class pending_gate {
 public:
  explicit pending_gate(std::uint64_t max) : max_(max) {}
  bool is_full(std::uint64_t pending) {
    const bool full = pending >= (full_ ? max_ - max_ / 10 : max_);
    full_ = full;
    return full;
  }

 private:
  const std::uint64_t max_;
  std::atomic<bool> full_{false};
};

std::vector<std::string> dead_letter_names() {
  auto names = kafka::topics_of_push_events();
  for (auto& each : kafka::topics_of_requests()) names.push_back(std::move(each));
  for (auto& each : names) each.append(kafka::topic::dead_letter_suffix);
  return names;
}

kafka::table_parts table_parts_of(host& on, kafka_link& link, push_side& push) {
  kafka::table_parts p;
  p.node = &on.node;
  p.store = push.store();
  p.clock = &on.clock;
  p.command = [&push](protocol::command_message m) { push.command(std::move(m)); };
  p.settings = link.client();
  p.health = link.health();
  p.make = kafka::real_producer(link.client(), kafka::subscriptions_producer(), link.health());
  return p;
}

kafka::feed_options feed_options_of(const config::settings& s) {
  kafka::feed_options o;
  o.group.group = s.kafka.group;
  o.event_topics = kafka::topics_of_push_events();
  o.request_topics = kafka::topics_of_requests();
  o.events_under_way_max = s.limits.kafka_events_under_way;
  o.requests_under_way_max = s.limits.kafka_requests_served;
  return o;
}

kafka::push_service service_of(push_side& push, kafka::subscription_table& table) {
  kafka::push_service s;
  s.subscribe = [&push](auto request, auto context, auto done) {
    push.subscribe(std::move(request), std::move(context), std::move(done));
  };
  s.remove_device = [&push](auto request, auto context, auto done) {
    push.remove_device(request, std::move(context), std::move(done));
  };
  s.push_key = [&push] { return push.push_key(); };
  return told_when_published(std::move(s),
                             [&table](id_t user, auto done) { table.when_published(user, std::move(done)); });
}

}  // namespace

struct push_kafka::parts {
  parts(host& on, kafka_link& link, push_side& push)
      : store(push.store()),
        table(table_parts_of(on, link, push)),
        replies(on.node, {.name = "replies"},
                kafka::real_producer(link.client(), kafka::replies_producer(), link.health())),
        dead(on.node, {.name = "dead-letters"},
             kafka::real_producer(link.client(), kafka::dead_letters_producer(), link.health())),
        serving(service_of(push, table), replies, link.formats(), {.clock = &on.clock}),
        letters(link.client(), dead_letter_names(), on.settings.limits.kafka_dead_letters, dead, link.health()),
        gate(on.settings.limits.push_pending_deliveries),
        feed(link.client(), feed_options_of(on.settings), feed_parts_of(on, push), link.health()) {}

  kafka::feed_parts feed_parts_of(host& on, push_side& push) {
    kafka::feed_parts p;
    p.consume = [&push](auto events, auto done) { push.consume(std::move(events), {}, 0, std::move(done)); };
    p.serve = [this](const kafka::received& request, auto done) { serving.serve(request, std::move(done)); };
    p.catch_up = [this](auto done) { table.catch_up(std::move(done)); };
    p.table_is_current = [this] { return table.is_current(); };
    p.is_full = [this, &push] { return gate.is_full(push.pending()); };
    p.dead_letters = &dead;
    p.clock = &on.clock;
    return p;
  }

  /// Replies and dead letters together.
  [[nodiscard]] kafka::sender_metrics sent() const {
    auto sum = replies.metrics();
    const auto more = dead.metrics();
    sum.sent += more.sent;
    sum.failed += more.failed;
    sum.refused += more.refused;
    sum.waiting += more.waiting;
    sum.restarts += more.restarts;
    return sum;
  }

  const ports::store store;
  kafka::subscription_table table;
  kafka::sender replies;
  kafka::sender dead;  ///< of its own: replies to a topic that takes none must not hold up dead letters
  kafka::responder serving;
  kafka::dead_letter_topics letters;
  pending_gate gate;
  kafka::event_feed feed;
};

push_kafka::push_kafka(host& on, kafka_link& link, push_side& push, config::stop_control& stopping)
    : parts_(std::make_unique<parts>(on, link, push)) {
  auto* p = parts_.get();
  link.when_topics_exist(kafka::topics_of_push(), [p, &stopping] {
    if (!p->table.open()) return;
    p->letters.open();
    const auto started = p->feed.start();
    if (started) return;
    log::error("kafka", "the consumer cannot be started: correct the options of Kafka",
               {{"reason", started.error().text()}});
    stopping.request_stop(config::exit_code::fatal);
  });
  link.add_member("consumer", [p, group = on.settings.kafka.group] { return to_json(p->feed.status(), group); });
  link.add_member("table", [p] { return to_json(p->table.status()); });
  link.add_member("served", [p] { return to_json(p->serving.metrics()); });
  link.add_member("sender", [p] { return to_json(p->sent()); });
  auto& inspector = on.inspector;
  inspector.add_subscriber([p] { return subscriber_json(p->table.status().outbox); });
  inspector.add_checks([p] { return std::vector{check_consumer(p->feed.status()), check_table(p->table.status())}; });
  inspector.add_dead_letters("kafka", [p] { return p->letters.report(); });
  inspector.add_replayer([](std::string_view id) { return kafka::dead_letter_topics::owns(id); },
                         [p](const std::string& id, auto done) { p->letters.replay(id, std::move(done)); });
  inspector.add_metrics([p](inspect::metric_sink& sink) {
    collect_feed(p->feed.status(), sink);
    collect_table(p->table.status(), sink);
    collect_served(p->serving.metrics(), sink);
    collect_sender(p->sent(), sink);
  });
}

push_kafka::~push_kafka() {
  constexpr std::chrono::milliseconds at_once{0};
  stop_feed(at_once);
  stop_table(at_once);
  stop_replies(at_once);
}

events::journal_holder push_kafka::reader() const {
  const auto name = parts_->table.status().outbox.name;
  return {name, events::stored_cursors(name, *parts_->store.log, *parts_->store.rows)};
}

void push_kafka::stop_waiting() {
  parts_->table.stop_waiting();
}

void push_kafka::stop_feed(std::chrono::milliseconds deadline) {
  parts_->feed.stop(deadline);
}

void push_kafka::stop_table(std::chrono::milliseconds deadline) {
  parts_->table.stop(deadline);
}

void push_kafka::stop_replies(std::chrono::milliseconds deadline) {
  parts_->letters.stop();
  const auto end = std::chrono::steady_clock::now() + deadline;
  parts_->replies.stop(deadline);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  parts_->dead.stop(std::max(left, std::chrono::milliseconds(0)));
}

}  // namespace social::compose
