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
  const std::string time;
};

std::string& cleared(std::optional<std::string>& text) {
  if (!text) text.emplace();
  text->clear();
  return *text;
}

// `ce_subject` is the aggregate that the event happened to: the post, the comment, the user; of a connection the user
// who grants it. The value is there already.
void fill(record& out, const event_place& place, std::string_view id, id_t subject, const origin& from,
          const topic_formats& formats) {
  if (out.topic != place.topic) out.topic = place.topic;
  out.partition = -1;
  cleared(out.key) = std::to_string(place.key);
  const auto& format = format_of(formats, out.topic);
  header_filler headers(out.headers);
  headers.add("ce_specversion", "1.0");
  headers.add("ce_id", id);
  headers.add("ce_type", place.topic);
  headers.add("ce_source", from.source);
  headers.add("ce_time", from.time);
  headers.add("ce_subject", std::to_string(subject));
  headers.add(content_type_header, content_type_of(format.codec));
  if (!format.type_id.empty()) headers.add(type_id_header, format.type_id);
  if (!from.trace.empty()) headers.add("traceparent", from.trace);
  wrap(*out.value, format.codec);
}

}  // namespace

publish_function publish_domain_events(std::string source, topic_formats formats) {
  return [source = std::move(source), formats = std::move(formats)](const ports::journal_record& from,
                                                                    publications& out) -> result<void> {
    const origin shared{source, from.trace, to_iso8601(from.time)};
    std::optional<error> first_failure;
    for (std::size_t i = 0; i < from.events.size(); ++i) {
      const auto sequence = from.first_sequence + i;
      const auto id = std::to_string(from.shard) + "-" + std::to_string(sequence);
      auto& made = out.next();
      const auto place = write_event(from.events[i], cleared(made.what.value));
      if (!place) {
        // The others of the record are published all the same: what can be kept is kept.
        if (!first_failure)
          first_failure.emplace(error_code::corrupt_record, "event " + id + ": " + std::string(place.error().text()));
      } else if (*place) {
        made.sequence = sequence;
        fill(made.what, **place, id, from.events[i].id, shared, formats);
        out.keep();
      }
    }
    if (first_failure) return *std::move(first_failure);
    return {};
  };
}

}  // namespace social::kafka
