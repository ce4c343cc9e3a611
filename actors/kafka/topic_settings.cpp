#include "actors/kafka/topic_settings.hpp"

#include <algorithm>
#include <string_view>

namespace social::kafka::rd {
namespace {

using resource_handle = std::unique_ptr<rd_kafka_ConfigResource_t, freed_by<rd_kafka_ConfigResource_destroy>>;

void compare(const topic_plan& plan, const rd_kafka_ConfigEntry_t& entry, std::string& sentence) {
  const std::string_view name = rd_kafka_ConfigEntry_name(&entry);
  const auto* const value = rd_kafka_ConfigEntry_value(&entry);
  const auto wanted = std::ranges::find(plan.settings, name, &std::pair<std::string, std::string>::first);
  if (wanted == plan.settings.end() || value == nullptr || wanted->second == value) return;
  if (!sentence.empty()) sentence += "; ";
  sentence.append("its ").append(name).append(" is ").append(value).append(" instead of ").append(wanted->second);
}

}  // namespace

result<conf_handle> make_admin_conf(const client_settings& settings) {
  return make_conf(settings, {{"socket.timeout.ms", std::to_string(admin_call_ms)}},
                   {{"allow.auto.create.topics", "false"}});
}

void ask_for_settings(rd_kafka_t& client, const std::vector<std::string>& topics,
                      const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t& answers) {
  std::vector<resource_handle> asked;
  asked.reserve(topics.size());
  for (const auto& name : topics)
    asked.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  auto resources = pointers_of(asked);
  rd_kafka_DescribeConfigs(&client, resources.data(), resources.size(), options, &answers);
}

std::map<std::string, std::string> settings_that_differ(rd_kafka_event_t& answer, const std::vector<topic_plan>& plans,
                                                        observer& seen) {
  std::map<std::string, std::string> out;
  std::size_t count = 0;
  const auto* const resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(&answer), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* const resource = resources[i];
    const std::string name = rd_kafka_ConfigResource_name(resource);
    if (const auto code = rd_kafka_ConfigResource_error(resource); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      seen.warn("describe", "the settings of topics could not be compared", name + ": " + rd_kafka_err2str(code));
      continue;
    }
    const auto plan = std::ranges::find(plans, name, &topic_plan::name);
    if (plan == plans.end()) continue;
    std::size_t entries = 0;
    const auto* const found = rd_kafka_ConfigResource_configs(resource, &entries);
    std::string sentence;
    for (std::size_t e = 0; e < entries; ++e) compare(*plan, *found[e], sentence);
    if (!sentence.empty()) out.emplace(name, std::move(sentence));
  }
  return out;
}

}  // namespace social::kafka::rd
