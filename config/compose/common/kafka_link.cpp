#include "config/compose/common/kafka_link.hpp"

#include "actors/base/json_writer.hpp"
#include "config/compose/common/kafka_report.hpp"
#include "config/compose/common/kafka_settings.hpp"

namespace social::compose {

kafka_link::kafka_link(host& on, std::string client_id)
    : on_(on), client_(kafka_client(on.settings, std::move(client_id))), formats_(kafka_formats(on.settings)) {
  on.inspector.add_report("kafka", [this] { return report(); });
  on.inspector.add_checks([this] { return readiness(); });
  on.inspector.add_metrics([this](inspect::metric_sink& sink) { collect_connection(health_->look(), sink); });
}

kafka_link::~kafka_link() {
  stop();
}

void kafka_link::when_topics_exist(std::vector<std::string> topics, std::function<void()> open) {
  gates_.push_back({std::move(topics), std::move(open)});
}

void kafka_link::add_member(std::string name, std::function<std::string()> report) {
  members_.emplace_back(std::move(name), std::move(report));
}

void kafka_link::start() {
  const auto& kafka = on_.settings.kafka;
  topics_ = std::make_unique<kafka::topic_keeper>(
      client_, kafka::topics_of_the_contract(kafka.partitions, kafka.replication), gates_, health_);
}

void kafka_link::stop() {
  if (topics_) topics_->stop();
}

std::string kafka_link::report() const {
  const auto seen = health_->look();
  std::string out;
  json_writer json(out);
  json.begin_object().member("brokers", std::string_view(client_.brokers)).member("connected", seen.connected);
  if (!seen.last_error.empty()) json.member("lastError", std::string_view(seen.last_error));
  json.member("errors", seen.errors).member("clientRestarts", seen.restarts);
  json.key("topics").raw(topics_ ? to_json(topics_->status()) : "[]");
  for (const auto& [name, report] : members_) json.key(name).raw(report());
  json.end_object();
  return out;
}

std::vector<protocol::readiness_check> kafka_link::readiness() const {
  if (!topics_) return {};
  return {check_connection(health_->look()), check_topics(topics_->status(), topics_->is_ready())};
}

}  // namespace social::compose
