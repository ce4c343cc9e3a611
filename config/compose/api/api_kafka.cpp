#include "config/compose/api/api_kafka.hpp"

#include "actors/base/json_writer.hpp"
#include "actors/base/log.hpp"
#include "actors/kafka/api/publication.hpp"
#include "actors/kafka/api/requester.hpp"
#include "actors/kafka/clients.hpp"
#include "actors/protocol/public_event.hpp"
#include "config/compose/common/kafka_report.hpp"

namespace social::compose {
namespace {

kafka::bridge_options bridge_options_of(const config::settings& s) {
  kafka::bridge_options o;
  o.window_records_max = s.limits.kafka_outbox_window_records;
  return o;
}

kafka::requester_options requester_options_of(const config::settings& s, const kafka::topic_formats& formats) {
  kafka::requester_options o;
  o.timeout_ms = s.kafka.request_timeout.count();
  o.requests_max = s.limits.kafka_requests;
  o.formats = formats;
  return o;
}

std::string to_json(const kafka::requester_metrics& m) {
  std::string out;
  json_writer(out)
      .begin_object()
      .member("requests", m.requests)
      .member("replies", m.replies)
      .member("timeouts", m.timeouts)
      .member("unavailable", m.unavailable)
      .member("unmatched", m.unmatched)
      .member("malformed", m.malformed)
      .member("waiting", m.waiting)
      .member("unsent", m.unsent)
      .member("restarts", m.restarts)
      .end_object();
  return out;
}

void collect_requests(const kafka::requester_metrics& m, inspect::metric_sink& sink) {
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(name, help, static_cast<double>(value));
  };
  count("social_kafka_requests_total", "Requests sent to the push role", m.requests);
  count("social_kafka_replies_total", "Replies to them", m.replies);
  count("social_kafka_reply_timeouts_total", "Requests without a reply in time", m.timeouts);
  count("social_kafka_requests_unavailable_total", "Requests refused at once, because Kafka was away", m.unavailable);
  count("social_kafka_replies_unmatched_total", "Replies to somebody else, or too late", m.unmatched);
  count("social_kafka_replies_malformed_total", "Replies that could not be read", m.malformed);
  count("social_kafka_requests_unsent_total", "Requests that Kafka did not acknowledge", m.unsent);
  collect_restarts("requests", m.restarts, sink);
  sink.gauge("social_kafka_waiting_requests", "Requests that wait for a reply", static_cast<double>(m.waiting));
}

}  // namespace

struct api_kafka::parts {
  ports::store store;
  std::unique_ptr<kafka::bridge> outbox;
  std::unique_ptr<kafka::requester> requests;  ///< null: nobody is asked
};

api_kafka::api_kafka(host& on, kafka_link& link, ports::store store, bool asks_push)
    : parts_(std::make_unique<parts>()) {
  const auto& s = on.settings;
  parts_->store = store;
  parts_->outbox = std::make_unique<kafka::bridge>(
      on.node, bridge_options_of(s), *store.log, store, on.clock,
      kafka::publish_domain_events(protocol::event_source(store.log->store_id()), link.formats()),
      kafka::real_producer(link.client(), kafka::events_producer(), link.health()));
  auto* outbox = parts_->outbox.get();
  link.when_topics_exist(kafka::topics_of_api_events(), [outbox] { outbox->open(); });
  link.add_member("outbox", [outbox] { return compose::to_json(outbox->status()); });
  on.inspector.add_subscriber([outbox] { return subscriber_json(outbox->status()); });
  on.inspector.add_checks([outbox] { return std::vector{check_outbox("kafka.outbox", outbox->status())}; });
  on.inspector.add_metrics([outbox](inspect::metric_sink& sink) { collect_outbox(outbox->status(), "events", sink); });
  if (!asks_push) return;

  parts_->requests = std::make_unique<kafka::requester>(on.node, link.client(), requester_options_of(s, link.formats()),
                                                        on.clock, on.random, link.health());
  auto* requests = parts_->requests.get();
  auto both_ways = kafka::topics_of_requests();
  for (auto& name : kafka::topics_of_replies()) both_ways.push_back(std::move(name));
  link.when_topics_exist(std::move(both_ways), [requests] { requests->open(); });
  link.add_member("requests", [requests] { return to_json(requests->metrics()); });
  on.inspector.add_checks([requests] { return requests->readiness(); });
  on.inspector.add_metrics([requests](inspect::metric_sink& sink) { collect_requests(requests->metrics(), sink); });
}

api_kafka::~api_kafka() {
  stop_requests();
  stop_outbox(std::chrono::milliseconds(0));
}

events::journal_holder api_kafka::reader() const {
  const auto name = parts_->outbox->status().name;
  return {name, events::stored_cursors(name, *parts_->store.log, *parts_->store.rows)};
}

push_access api_kafka::push() {
  auto* requests = parts_->requests.get();
  if (requests == nullptr) return {};
  return {
      .subscribe = [requests](auto request, auto context,
                              auto done) { requests->subscribe(std::move(request), context, std::move(done)); },
      .remove_device = [requests](auto request, auto context,
                                  auto done) { requests->remove_device(std::move(request), context, std::move(done)); },
      .push_key = [requests](auto done) { requests->push_key(std::move(done)); }};
}

void api_kafka::stop_requests() {
  if (parts_->requests) parts_->requests->stop();
}

bool api_kafka::stop_outbox(std::chrono::milliseconds deadline) {
  return parts_->outbox->stop(deadline);
}

}  // namespace social::compose
