#include "actors/kafka/api/publication.hpp"

#include <optional>
#include <utility>

#include "actors/base/text.hpp"
#include "actors/kafka/api/event_values.hpp"

namespace social::kafka {
namespace {

/// What the headers of all events of one journal record share.
struct origin {
  const std::string& source;
  const std::string& trace;
  timestamp_t time;
};

// `ce_subject` is the aggregate that the event happened to: the post, the comment, the user; of a connection the user
// who grants it.
void fill(record& out, event_value value, std::string id, id_t subject, const origin& from,
          const topic_formats& formats) {
  out.topic = value.topic;
  out.key = std::to_string(value.key);
  out.headers.reserve(9);
  out.headers.emplace_back("ce_specversion", "1.0");
  out.headers.emplace_back("ce_id", std::move(id));
  out.headers.emplace_back("ce_type", out.topic);
  out.headers.emplace_back("ce_source", from.source);
  out.headers.emplace_back("ce_time", to_iso8601(from.time));
  out.headers.emplace_back("ce_subject", std::to_string(subject));
  write_value(out, std::move(value.json), formats);
  if (!from.trace.empty()) out.headers.emplace_back("traceparent", from.trace);
}

}  // namespace

publish_function publish_domain_events(std::string source, topic_formats formats) {
  return [source = std::move(source), formats = std::move(formats)](const ports::journal_record& from,
                                                                    std::vector<publication>& out) -> result<void> {
    const origin shared{source, from.trace, from.time};
    std::optional<error> first_failure;
    for (std::size_t i = 0; i < from.events.size(); ++i) {
      const auto sequence = from.first_sequence + i;
      auto id = std::to_string(from.shard) + "-" + std::to_string(sequence);
      auto value = value_of(from.events[i]);
      if (!value) {
        // The others of the record are published all the same: what can be kept is kept.
        if (!first_failure)
          first_failure.emplace(error_code::corrupt_record, "event " + id + ": " + std::string(value.error().text()));
      } else if (*value) {
        auto& added = out.emplace_back();
        added.sequence = sequence;
        fill(added.what, std::move(**value), std::move(id), from.events[i].id, shared, formats);
      }
    }
    if (first_failure) return *std::move(first_failure);
    return {};
  };
}

}  // namespace social::kafka
