#include "actors/kafka/push/table_audit.hpp"

#include <functional>
#include <limits>
#include <optional>

#include "actors/base/log.hpp"
#include "actors/domain/subscription/subscription.hpp"

namespace social::kafka {
namespace {

using namespace domain::subscription;
using kind = table_audit_kind;

struct known_endpoint {
  std::string hash;
  endpoint_row row;
};

/// All endpoints of the store, page by page.
result<void> for_each_page(const ports::row_reader& rows, std::size_t page_rows,
                           const std::function<result<void>(const std::vector<known_endpoint>&)>& look) {
  std::optional<domain::row_key> after;
  for (;;) {
    const auto page =
        rows.scan_table(domain::table::endpoint, after, std::numeric_limits<std::uint64_t>::max(), page_rows);
    if (page.what != ports::row_value::status::found) return page.failure;
    std::vector<known_endpoint> endpoints;
    for (const auto& each : page.rows)
      if (auto row = decode_record<endpoint_row>(each.bytes)) endpoints.push_back({each.key.text, std::move(*row)});
    if (auto looked = look(endpoints); !looked) return looked;
    if (page.rows.size() < page_rows) return {};
    after = page.rows.back().key;
  }
}

enum class action : std::uint8_t { keep, announce, remove };

/// One that was decided here and is on its way to the table is missing only for a moment: announcing it does no harm.
action action_for(const endpoint_row& row, std::uint64_t oldest_place, kind what) {
  if (row.in_table && row.place >= oldest_place) return action::keep;
  return what == kind::sweep && row.in_table ? action::remove : action::announce;
}

command command_for(const known_endpoint& e, std::uint64_t oldest_place, action what) {
  const auto seq = device_seq_of_hash(e.hash);
  if (what == action::announce) return announce_device{seq, e.row.row_version, e.hash, oldest_place};
  return remove_device{seq, e.row.row_version, e.hash, removal::withdrawn};
}

result<void> wait_for_all(subscription_commands& commands) {
  std::optional<error> failure;
  while (commands.under_way() > 0) {
    for (const auto& each : commands.wait())
      if (!each.outcome) failure = each.outcome.error();
    if (commands.stopped()) return error_code::shutting_down;
  }
  if (failure) return *std::move(failure);
  return {};
}

}  // namespace

result<audit_report> audit_table(const ports::row_reader& rows, const table_progress& progress,
                                 subscription_commands& commands, const audit_options& options) {
  audit_report report;
  auto what = progress.audit();
  if (what == kind::none) return report;
  const auto oldest = progress.oldest_place();
  std::uint64_t to_remove = 0;
  const auto count = [&](const std::vector<known_endpoint>& page) -> result<void> {
    report.rows += page.size();
    for (const auto& each : page) {
      const auto next = action_for(each.row, oldest, what);
      report.missing += next == action::keep ? 0 : 1;
      to_remove += next == action::remove ? 1 : 0;
    }
    return {};
  };
  if (auto counted = for_each_page(rows, options.page_rows, count); !counted) return counted.error();
  if (to_remove >= options.lost_table_min && to_remove > report.rows / 2) {
    log::error("kafka",
               "the table of subscriptions lacks most of the devices that this store has: it was lost, and is told of "
               "them again",
               {{"devices", report.rows}, {"missing", report.missing}});
    what = kind::announce;
  }

  const auto carry_out = [&](const std::vector<known_endpoint>& page) -> result<void> {
    for (std::size_t i = 0; i < page.size(); ++i) {
      const auto next = action_for(page[i].row, oldest, what);
      if (next == action::keep) continue;
      ++(next == action::announce ? report.announced : report.removed);
      commands.send(i, page[i].row.user, command_for(page[i], oldest, next));
    }
    return wait_for_all(commands);
  };
  if (auto done = for_each_page(rows, options.page_rows, carry_out); !done) return done.error();
  return report;
}

}  // namespace social::kafka
