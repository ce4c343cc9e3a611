#include "config/compose/api/serve_api.hpp"

#include "config/compose/api/api_kafka.hpp"
#include "config/compose/api/api_role.hpp"

namespace social::compose {
namespace {

class api_alone final : public service {
 public:
  api_alone(host& on, config::executable self) : on_(on), self_(self) {}

  result<config::ready_info> start() override {
    auto api = api_role::open(on_);
    if (!api) return api.error();
    api_ = std::move(*api);
    const auto& s = on_.settings;
    if (s.kafka.is_used()) {
      link_ = std::make_unique<kafka_link>(on_, std::string(config::name_of(self_)));
      kafka_ = std::make_unique<api_kafka>(on_, *link_, api_->store(), !s.push.off);
    }
    if (auto started = api_->start(kafka_ ? kafka_->push() : push_access{}); !started) return started.error();
    std::vector<events::journal_holder> readers;
    if (kafka_) readers.push_back(kafka_->reader());
    api_->keep_journal(std::move(readers));
    if (link_) link_->start();
    return config::ready_info{api_->url(), {}, {.api = true, .push = false}};
  }

  void stop(const stop_budget& budget) override {
    if (link_) stop_phase("topics", [&] { link_->stop(); });
    if (api_) stop_phase("api", [&] { api_->stop(budget.until(kafka_ ? 0.6 : 1.0)); });
    if (!kafka_) return;
    stop_phase("requests", [&] { kafka_->stop_requests(); });
    stop_phase("outbox", [&] { kafka_->stop_outbox(std::min(kafka_wait_max, budget.until(0.8))); });
  }

  void close_stores() override {
    if (api_) api_->close_store();
  }

 private:
  host& on_;
  const config::executable self_;
  std::unique_ptr<api_role> api_;
  std::unique_ptr<kafka_link> link_;
  std::unique_ptr<api_kafka> kafka_;
};

}  // namespace

config::exit_code serve_api(const config::invocation& invocation, host_overrides overrides) {
  return run_service(invocation, std::move(overrides), [&invocation](host& on, config::stop_control&) {
    return std::make_unique<api_alone>(on, invocation.self);
  });
}

}  // namespace social::compose
