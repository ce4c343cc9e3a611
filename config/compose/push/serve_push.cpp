#include "config/compose/push/serve_push.hpp"

#include "config/compose/push/push_kafka.hpp"

namespace social::compose {
namespace {

class push_alone final : public service {
 public:
  push_alone(host& on, config::executable self, config::stop_control& stopping)
      : on_(on), self_(self), stopping_(stopping) {}

  result<config::ready_info> start() override {
    auto push = push_side::open(on_, false);
    if (!push) return push.error();
    push_ = std::move(*push);
    push_->start(on_.settings.http.public_url);
    link_ = std::make_unique<kafka_link>(on_, std::string(config::name_of(self_)));
    kafka_ = std::make_unique<push_kafka>(on_, *link_, *push_, stopping_);
    push_->keep_journal({kafka_->reader()});
    link_->start();
    return config::ready_info{{}, {}, {.api = false, .push = true}};
  }

  void announced() override { push_->open_console(); }

  void stop(const stop_budget& budget) override {
    if (!push_) return;
    // A worker that waits to print would hold up the feed.
    push_->open_console();
    if (kafka_) kafka_->stop_waiting();
    if (link_) stop_phase("topics", [&] { link_->stop(); });
    if (kafka_) {
      stop_phase("feed", [&] { kafka_->stop_feed(std::min(kafka_wait_max, budget.until(0.5))); });
      stop_phase("table", [&] { kafka_->stop_table(std::min(kafka_wait_max, budget.until(0.6))); });
      stop_phase("replies", [&] { kafka_->stop_replies(std::min(kafka_wait_max, budget.until(0.7))); });
    }
    stop_phase("push", [&] { push_->stop(budget.until(0.9)); });
  }

  void close_stores() override {
    if (push_) push_->close_store();
  }

 private:
  host& on_;
  const config::executable self_;
  config::stop_control& stopping_;
  std::unique_ptr<push_side> push_;
  std::unique_ptr<kafka_link> link_;
  std::unique_ptr<push_kafka> kafka_;
};

}  // namespace

config::exit_code serve_push(const config::invocation& invocation, host_overrides overrides) {
  return run_service(invocation, std::move(overrides), [&invocation](host& on, config::stop_control& stopping) {
    return std::make_unique<push_alone>(on, invocation.self, stopping);
  });
}

}  // namespace social::compose
