#include "config/compose/embedded/serve_both.hpp"

#include "actors/base/json_writer.hpp"
#include "actors/base/log.hpp"
#include "actors/events/projection.hpp"
#include "actors/events/subscriber.hpp"
#include "config/compose/api/api_role.hpp"
#include "config/compose/push/push_side.hpp"
#include "config/logging.hpp"

namespace social::compose {
namespace {

/// A push is late by at most this under load.
constexpr std::int64_t push_pull_interval_ms = 20;

/// A record that does not decode is said loudly and left behind: it must not hold back what follows.
events::effect push_effect(host& on, push_side& push, std::string source) {
  return [&on, &push, source = std::move(source)](std::vector<ports::journal_record> records,
                                                  std::vector<domain::row_change> cursors,
                                                  std::function<void(result<void>)> done) {
    std::vector<protocol::push_event> wanted;
    for (const auto& record : records) {
      const auto projected = events::project_for_push(record, source, wanted);
      if (projected) continue;
      log::error("events", "a journal record cannot be projected", {{"reason", projected.error().text()}});
      on.node.context().dead_letters.add(
          {on.clock.now(), "undecodable_event", "subscriber/push", std::string(projected.error().text())});
    }
    push.consume(std::move(wanted), std::move(cursors), std::move(done));
  };
}

std::string subscriber_report(const events::subscriber& feed) {
  const auto status = feed.status();
  std::string out;
  json_writer json(out);
  json.begin_array()
      .begin_object()
      .member("name", std::string_view(status.name))
      .member("lag", status.lag)
      .member("handled", status.handled)
      .member("failures", status.failures)
      .member("skipped", status.skipped);
  if (!status.last_failure.empty()) json.member("lastFailure", std::string_view(status.last_failure));
  json.key("cursors").begin_array();
  for (const auto cursor : status.cursors) json.value(cursor);
  json.end_array().end_object().end_array();
  return out;
}

void tell_about(host& on, const events::subscriber& feed) {
  on.inspector.add_report("subscribers", [&feed] { return subscriber_report(feed); });
  on.inspector.add_metrics([&feed](inspect::metric_sink& sink) {
    const auto status = feed.status();
    const inspect::labels with{{"subscriber", status.name}};
    sink.gauge("social_journal_subscriber_lag_events", "Events that a subscriber has not seen yet",
               static_cast<double>(status.lag), with);
    sink.counter("social_journal_subscriber_failures_total", "Attempts of a subscriber that failed",
                 static_cast<double>(status.failures), with);
    sink.counter("social_journal_subscriber_skipped_events_total", "Events gone before they were read",
                 static_cast<double>(status.skipped), with);
  });
}

}  // namespace

config::exit_code serve_both(const config::invocation& invocation, host_overrides overrides) {
  const auto& settings = invocation.settings;
  config::stop_control stopping(settings.shutdown_deadline);
  const config::logging logging(settings.log);

  auto on = host::make(settings, std::move(overrides));
  if (!on) return config::fail(on.error());
  auto api = api_role::open(**on);
  if (!api) return config::fail(api.error());
  auto push = push_side::open(**on, true);
  if (!push) return config::fail(push.error());

  const auto started = (*api)->start({.subscribe =
                                          [&push = **push](auto request, auto context, auto done) {
                                            push.subscribe(std::move(request), std::move(context), std::move(done));
                                          },
                                      .push_key = [&push = **push] { return push.push_key(); }});
  if (!started) return config::fail(started.error());
  (*push)->start((*api)->public_url());
  auto journal = (*api)->store();
  events::subscriber feed((*on)->node, {.name = "push", .pull_interval_ms = push_pull_interval_ms}, *journal.log,
                          *(*push)->store().rows, push_effect(**on, **push, protocol::event_source(journal.log->store_id())));
  tell_about(**on, feed);
  if (auto admin = (*on)->start_admin(); !admin) return config::fail(admin.error());

  const auto line = config::ready_line({(*api)->url(), (*on)->admin_url(), {.api = true, .push = true}, ::getpid()});
  const auto announced = (*on)->data().announce("social-server", line);
  if (!announced) return config::fail(announced.error());
  config::print_line(line);
  (*push)->open_console();

  const auto why = stopping.wait();
  (*api)->stop(settings.shutdown_deadline / 2);
  feed.stop();
  (*push)->stop(settings.shutdown_deadline / 4);
  (*on)->stop_admin();
  (*push)->close_store();
  (*api)->close_store();
  return why;
}

}  // namespace social::compose
