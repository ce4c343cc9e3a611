#include "actors/aggregates/idempotency_sweeper.hpp"

#include "actors/domain/idempotency.hpp"

namespace social::aggregates {
namespace {

constexpr std::size_t page_rows = 512;
constexpr std::int64_t mailbox_max = 64;
/// A day is over once a day; what is left over from the time before a start waits no longer than this.
constexpr auto sweep_interval = std::chrono::minutes(10);

outdated_outcomes look_at(const ports::row_reader& rows, std::uint64_t last_day) {
  const auto page = rows.scan_table(domain::table::idempotency, std::nullopt, last_day, page_rows);
  outdated_outcomes found;
  found.failed = page.what != ports::row_value::status::found;
  found.keys.reserve(page.rows.size());
  for (const auto& row : page.rows) found.keys.push_back(row.key);
  return found;
}

}  // namespace

idempotency_sweeper::idempotency_sweeper(caf::actor_config& cfg, std::shared_ptr<const environment> env,
                                         std::shared_ptr<void> ended)
    : super(cfg, *env->node, {env->prefix + "idempotency-sweeper", 1, 0, mailbox_max}),
      env_(std::move(env)),
      ended_(std::move(ended)) {}

idempotency_sweeper::behavior_type idempotency_sweeper::make_behavior() {
  delayed_send(this, sweep_interval, sweep_now{});
  return {
      [this](sweep_now) { look(); },
      [this](outdated_outcomes& found) { remove(found); },
      [this](const outcomes_swept& outcome) {
        if (outcome.failed) return delayed_send(this, sweep_interval, sweep_now{});
        look();
      },
  };
}

void idempotency_sweeper::on_exit() {
  super::on_exit();
  env_ = nullptr;
  ended_.reset();
}

void idempotency_sweeper::look() {
  caf::anon_send(
      env_->disk_reader_for(0),
      read_more{[self = caf::actor_cast<sweeper_actor>(this), day = domain::idempotency_day_gone(env_->clock->now())](
                    const ports::row_reader& rows) { caf::anon_send(self, look_at(rows, day)); }});
}

/// What fails is tried again with the next sweep: nobody waits for it.
void idempotency_sweeper::remove(outdated_outcomes& found) {
  if (found.keys.empty() || !env_->store.log->reserve()) {
    if (found.failed) log::warning("aggregates", "outdated outcomes of idempotency keys cannot be read");
    return delayed_send(this, sweep_interval, sweep_now{});
  }
  ports::commit_request request;
  request.time = env_->clock->now();
  request.may_skip_sync = true;
  for (auto& key : found.keys) request.rows.push_back({std::move(key), std::nullopt});
  env_->store.log->submit(std::move(request),
                          [self = caf::actor_cast<sweeper_actor>(this)](const result<std::uint64_t>& outcome) {
                            caf::anon_send(self, outcomes_swept{!outcome});
                          });
}

}  // namespace social::aggregates
