// How the admin API and Prometheus see the backups of a process.
#pragma once

#include "actors/inspect/metric_sink.hpp"
#include "config/backup/keeper.hpp"
#include "http/admin/admin_handler.hpp"

namespace social::compose {

/// `POST /admin/backup`. `backups` outlives the listener.
http::admin::admin_actions backup_action(backup::keeper& backups);

/// Metrics of `social_backup_*`.
void collect_backups(const backup::statistics& of, inspect::metric_sink& sink);

}  // namespace social::compose
