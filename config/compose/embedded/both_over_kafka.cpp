#include "config/compose/embedded/both_over_kafka.hpp"

#include "config/compose/api/api_kafka.hpp"
#include "config/compose/api/api_role.hpp"
#include "config/compose/push/push_kafka.hpp"
#include "config/compose/push/push_side.hpp"

namespace social::compose {
namespace {

class both_linked final : public service {
 public:
  both_linked(host& on, config::stop_control& stopping) : on_(on), stopping_(stopping) {}

  result<config::ready_info> start() override {
    auto api = api_role::open(on_);
    if (!api) return api.error();
    api_ = std::move(*api);
    auto push = push_side::open(on_, false);
    if (!push) return push.error();
    push_ = std::move(*push);
    link_ = std::make_unique<kafka_link>(on_, "social-server");
    asking_ = std::make_unique<api_kafka>(on_, *link_, api_->store(), true);
    if (auto started = api_->start(asking_->push()); !started) return started.error();
    push_->start(api_->public_url());
    serving_ = std::make_unique<push_kafka>(on_, *link_, *push_, stopping_);
    api_->keep_journal({asking_->reader()});
    push_->keep_journal({serving_->reader()});
    link_->start();
    return config::ready_info{api_->url(), {}, {.api = true, .push = true}};
  }

  void announced() override { push_->open_console(); }

  void stop(const stop_budget& budget) override {
    if (push_) push_->open_console();
    if (serving_) serving_->stop_waiting();
    if (link_) stop_phase("topics", [&] { link_->stop(); });
    if (api_) stop_phase("api", [&] { api_->stop(budget.until(0.4)); });
    if (asking_) stop_phase("requests", [&] { asking_->stop_requests(); });
    if (serving_) stop_phase("feed", [&] { serving_->stop_feed(std::min(kafka_wait_max, budget.until(0.5))); });
    if (asking_) stop_phase("outbox", [&] { asking_->stop_outbox(std::min(kafka_wait_max, budget.until(0.7))); });
    if (serving_) {
      stop_phase("table", [&] { serving_->stop_table(std::min(kafka_wait_max, budget.until(0.75))); });
      stop_phase("replies", [&] { serving_->stop_replies(std::min(kafka_wait_max, budget.until(0.8))); });
    }
    if (push_) stop_phase("push", [&] { push_->stop(budget.until(0.95)); });
  }

  void close_stores() override {
    if (push_) push_->close_store();
    if (api_) api_->close_store();
  }

 private:
  host& on_;
  config::stop_control& stopping_;
  std::unique_ptr<api_role> api_;
  std::unique_ptr<push_side> push_;
  std::unique_ptr<kafka_link> link_;
  std::unique_ptr<api_kafka> asking_;
  std::unique_ptr<push_kafka> serving_;
};

}  // namespace

std::unique_ptr<service> both_over_kafka(host& on, config::stop_control& stopping) {
  return std::make_unique<both_linked>(on, stopping);
}

}  // namespace social::compose
