#include "config/compose/common/subscriber_report.hpp"

#include "actors/base/json_writer.hpp"

namespace social::compose {

std::string to_json(const events::subscriber_status& status) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("name", std::string_view(status.name))
      .member("lag", status.lag)
      .member("handled", status.handled)
      .member("failures", status.failures)
      .member("skipped", status.skipped)
      .member("ahead", status.ahead)
      .member("unreadable", status.unreadable);
  if (!status.last_failure.empty()) json.member("lastFailure", std::string_view(status.last_failure));
  json.key("cursors").begin_array();
  for (const auto cursor : status.cursors) json.value(cursor);
  json.end_array().end_object();
  return out;
}

protocol::readiness_check check_subscriber(const events::subscriber_status& status) {
  protocol::readiness_check check{"subscriber." + status.name, true, true, {}};
  if (status.ahead > 0) {
    check.reason = std::to_string(status.ahead) +
                   " shards are not read: its cursors are ahead of the journal, as after an older copy of the api's "
                   "store was put back";
  } else if (status.unreadable > 0) {
    check.reason = std::to_string(status.lag) + " events wait, " + std::to_string(status.unreadable) +
                   " shards of the journal cannot be read: " + status.last_failure;
  } else if (status.skipped > 0) {
    check.reason = std::to_string(status.skipped) +
                   " events were gone before it could read them: it was off for longer than journal.retention. It goes "
                   "on from the oldest; the next start clears this";
  } else if (!status.last_failure.empty()) {
    check.reason = std::to_string(status.lag) + " events wait: " + status.last_failure;
  } else {
    check.degraded = false;
  }
  return check;
}

void tell_about(host& on, const events::subscriber& subscriber) {
  on.inspector.add_subscriber([&subscriber] { return to_json(subscriber.status()); });
  on.inspector.add_checks([&subscriber] { return std::vector{check_subscriber(subscriber.status())}; });
  on.inspector.add_metrics([&subscriber](inspect::metric_sink& sink) {
    const auto status = subscriber.status();
    const inspect::labels with{{"subscriber", status.name}};
    sink.gauge("social_journal_subscriber_lag_events", "Events that a subscriber has not seen yet",
               static_cast<double>(status.lag), with);
    sink.counter("social_journal_subscriber_failures_total", "Attempts of a subscriber that failed",
                 static_cast<double>(status.failures), with);
    sink.counter("social_journal_subscriber_skipped_events_total", "Events gone before they were read",
                 static_cast<double>(status.skipped), with);
    sink.gauge("social_journal_subscriber_ahead_count",
               "Shards whose cursor is ahead of the journal; they are not read", static_cast<double>(status.ahead),
               with);
    sink.gauge("social_journal_subscriber_unreadable_count",
               "Shards of the journal that a subscriber cannot read at the moment",
               static_cast<double>(status.unreadable), with);
  });
}

}  // namespace social::compose
