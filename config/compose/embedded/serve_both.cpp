#include "config/compose/embedded/serve_both.hpp"

#include "actors/base/log.hpp"
#include "actors/events/projection.hpp"
#include "actors/events/subscriber.hpp"
#include "config/compose/api/api_role.hpp"
#include "config/compose/common/subscriber_report.hpp"
#include "config/compose/embedded/both_over_kafka.hpp"
#include "config/compose/push/push_side.hpp"

namespace social::compose {
namespace {

/// A push is late by at most this under load.
constexpr std::int64_t push_pull_interval_ms = 20;
constexpr auto push_subscriber = "push";

/// A record that does not decode is said loudly and left behind: it must not hold back what follows.
events::fenced_effect push_effect(host& on, push_side& push, std::string source) {
  return [&on, &push, source = std::move(source)](std::vector<ports::journal_record> records,
                                                  std::vector<domain::row_change> cursors, std::uint64_t epoch,
                                                  std::function<void(result<void>)> done) {
    std::vector<protocol::push_event> wanted;
    for (const auto& record : records) {
      const auto projected = events::project_for_push(record, source, wanted);
      if (projected) continue;
      log::error("events", "a journal record cannot be projected", {{"reason", projected.error().text()}});
      on.node.context().dead_letters.add(
          {on.clock.now(), "undecodable_event", "subscriber/push", std::string(projected.error().text())});
    }
    push.consume(std::move(wanted), std::move(cursors), epoch, std::move(done));
  };
}

/// Without Kafka: the push role is fed from the journal beside it.
class both_in_one final : public service {
 public:
  explicit both_in_one(host& on) : on_(on) {}

  result<config::ready_info> start() override {
    auto api = api_role::open(on_);
    if (!api) return api.error();
    api_ = std::move(*api);
    auto push = push_side::open(on_, true);
    if (!push) return push.error();
    push_ = std::move(*push);
    if (auto started = api_->start(access()); !started) return started.error();
    push_->start(api_->public_url());
    const auto journal = api_->store();
    feed_ = std::make_unique<events::subscriber>(
        on_.node, events::subscriber_options{.name = push_subscriber, .pull_interval_ms = push_pull_interval_ms},
        *journal.log, push_->store(), push_effect(on_, *push_, protocol::event_source(journal.log->store_id())));
    tell_about(on_, *feed_);
    api_->keep_journal({{push_subscriber, events::synced_cursors(push_subscriber, *journal.log, push_->store())}});
    push_->keep_journal({});
    return config::ready_info{api_->url(), {}, {.api = true, .push = true}};
  }

  void announced() override { push_->open_console(); }

  void stop(const stop_budget& budget) override {
    if (push_) push_->open_console();
    if (api_) stop_phase("api", [&] { api_->stop(budget.until(0.5)); });
    if (feed_) stop_phase("subscriber", [&] { feed_->stop(); });
    if (push_) stop_phase("push", [&] { push_->stop(budget.until(0.75)); });
  }

  void close_stores() override {
    if (push_) push_->close_store();
    if (api_) api_->close_store();
  }

 private:
  push_access access() {
    auto* push = push_.get();
    return {
        .subscribe = [push](auto request, auto context,
                            auto done) { push->subscribe(std::move(request), std::move(context), std::move(done)); },
        .remove_device = [push](auto request, auto context,
                                auto done) { push->remove_device(request, std::move(context), std::move(done)); },
        .push_key = [push](auto done) { done(push->push_key()); }};
  }

  host& on_;
  std::unique_ptr<api_role> api_;
  std::unique_ptr<push_side> push_;
  std::unique_ptr<events::subscriber> feed_;
};

}  // namespace

config::exit_code serve_both(const config::invocation& invocation, host_overrides overrides) {
  const bool over_kafka = invocation.settings.kafka.is_used();
  return run_service(invocation, std::move(overrides),
                     [over_kafka](host& on, config::stop_control& stopping) -> std::unique_ptr<service> {
                       if (over_kafka) return both_over_kafka(on, stopping);
                       return std::make_unique<both_in_one>(on);
                     });
}

}  // namespace social::compose
