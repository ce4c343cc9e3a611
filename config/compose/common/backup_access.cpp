#include "config/compose/common/backup_access.hpp"

namespace social::compose {
namespace {

http::admin::backup_answer::outcome outcome_of(backup::verdict what) {
  using outcome = http::admin::backup_answer::outcome;
  switch (what) {
    case backup::verdict::made:
      return outcome::made;
    case backup::verdict::refused:
      return outcome::refused;
    case backup::verdict::busy:
      return outcome::busy;
    case backup::verdict::failed:
    case backup::verdict::stopping:
      return outcome::failed;
  }
  return outcome::failed;
}

}  // namespace

http::admin::admin_actions backup_action(backup::keeper& backups) {
  return {.backup = [&backups](std::string directory, std::function<void(http::admin::backup_answer)> done) {
    backups.start(std::move(directory), [done = std::move(done)](backup::answer made) {
      done({outcome_of(made.what), std::move(made.text)});
    });
  }};
}

void collect_backups(const backup::statistics& of, inspect::metric_sink& sink) {
  sink.counter("social_backup_made_total", "Backups made", static_cast<double>(of.made), {});
  sink.counter("social_backup_failures_total", "Backups that could not be made", static_cast<double>(of.failed), {});
  sink.gauge("social_backup_running_count", "1 while a backup is being made", of.running ? 1.0 : 0.0, {});
  sink.gauge("social_backup_last_success_timestamp_seconds",
             "When the last backup was made, since 1970; 0: none since the start",
             static_cast<double>(of.last_success_ms) * 1e-3, {});
  sink.gauge("social_backup_last_duration_seconds", "How long the last backup took",
             static_cast<double>(of.last_took_ms) * 1e-3, {});
  sink.gauge("social_backup_last_size_bytes", "Bytes of the last backup", static_cast<double>(of.last_bytes), {});
}

}  // namespace social::compose
