#include "actors/kafka/api/publication.hpp"

#include <array>
#include <charconv>
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

void set_number(std::string& text, std::uint64_t number) {
  std::array<char, 20> digits{};
  text.assign(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

// The order of the headers. The last ones may be missing: a type id, then a trace.
enum place_of_header : std::uint8_t { ce_specversion, ce_id, ce_type, ce_source, ce_time, ce_subject };

/// All of it but what `fill_own` sets.
void fill_shared(record& out, const event_place& place, const topic_format& format, const origin& from) {
  out.partition = -1;
  header_filler headers(out.headers);
  headers.add("ce_specversion", "1.0");
  headers.add("ce_id", {});
  headers.add("ce_type", place.topic);
  headers.add("ce_source", from.source);
  headers.add("ce_time", {});
  headers.add("ce_subject", {});
  headers.add(content_type_header, content_type_of(format.codec));
  if (!format.type_id.empty()) headers.add(type_id_header, format.type_id);
  if (!from.trace.empty()) headers.add("traceparent", {});
}

// `ce_subject` is the aggregate that the event happened to: the post, the comment, the user; of a connection the user
// who grants it.
void fill_own(record& out, const event_place& place, std::string_view id, id_t subject, const origin& from) {
  set_number(cleared(out.key), place.key);
  out.headers[ce_id].value->assign(id);
  out.headers[ce_time].value->assign(from.time);
  set_number(*out.headers[ce_subject].value, subject);
  if (!from.trace.empty()) out.headers.back().value->assign(from.trace);
}

/// The value is there already. A record that was of the same topic before, traced or not as this one is, keeps the
/// rest.
void fill(publication& out, const event_place& place, std::string_view id, id_t subject, const origin& from,
          const topic_formats& formats) {
  auto& made = out.what;
  const void* form = place.topic.data() + (from.trace.empty() ? 0 : 1);
  const bool same = out.form == form;
  if (!same) made.topic = place.topic;
  const auto& format = format_of(formats, made.topic);
  if (!same) fill_shared(made, place, format, from);
  out.form = form;
  fill_own(made, place, id, subject, from);
  wrap(*made.value, format.codec);
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
        fill(made, **place, id, from.events[i].id, shared, formats);
        out.keep();
      }
    }
    if (first_failure) return *std::move(first_failure);
    return {};
  };
}

}  // namespace social::kafka
