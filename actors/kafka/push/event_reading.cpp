#include "actors/kafka/push/event_reading.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/base/text.hpp"
#include "actors/kafka/codec.hpp"
#include "actors/kafka/iso_time.hpp"
#include "actors/kafka/push/responder_address.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

using nlohmann::json;
using namespace protocol;

/// Reads fields of one object and gathers what is wrong with them.
class field_reader {
 public:
  explicit field_reader(const json& object) : object_(object) {}

  /// An id at any of these places, the first that has one; 0 when none has.
  id_t optional_id(std::initializer_list<const char*> paths) {
    for (const auto* path : paths)
      if (const auto* value = find(path)) return id_of(*value, path);
    return 0;
  }
  id_t id(std::initializer_list<const char*> paths) {
    const auto before = violations_.size();
    const auto found = optional_id(paths);
    if (found == 0 && violations_.size() == before) refuse(*paths.begin(), "is missing");
    return found;
  }
  std::string optional_text(const char* path, std::size_t code_points) {
    const auto* value = find(path);
    if (value == nullptr) return {};
    if (!value->is_string()) {
      refuse(path, "must be a text");
      return {};
    }
    return std::string(first_code_points(value->get_ref<const std::string&>(), code_points));
  }
  std::string text(const char* path, std::size_t code_points) {
    const auto before = violations_.size();
    auto found = optional_text(path, code_points);
    if (is_blank(found) && violations_.size() == before) refuse(path, "is missing");
    return found;
  }

  void refuse(std::string field, std::string reason) { violations_.push_back({std::move(field), std::move(reason)}); }
  [[nodiscard]] std::optional<error> failure() {
    if (violations_.empty()) return std::nullopt;
    error why(error_code::invalid_input);
    why.fields = std::move(violations_);
    return why;
  }

 private:
  /// `a.b`: member b of the object a. Null counts as missing.
  [[nodiscard]] const json* find(std::string_view path) const {
    const json* at = &object_;
    while (at != nullptr) {
      const auto dot = path.find('.');
      const auto member = at->is_object() ? at->find(path.substr(0, dot)) : at->end();
      at = member == at->end() || member->is_null() ? nullptr : &*member;
      if (dot == std::string_view::npos) break;
      path.remove_prefix(dot + 1);
    }
    return at;
  }

  id_t id_of(const json& value, const char* path) {
    id_t id = 0;
    if (value.is_number_unsigned()) id = value.get<id_t>();
    if (value.is_string()) id = parse_id(value.get_ref<const std::string&>());
    if (id > 0 && id <= max_id) return id;
    refuse(path, "must be an id: a number from 1 to 2^53-1, or its decimal text");
    return 0;
  }

  const json& object_;
  std::vector<field_error> violations_;
};

push_event_body read_body(std::string_view topic, field_reader& in) {
  if (topic == topic::user_joined) return user_joined{in.id({"userId"}), in.text("name", name_code_points_max)};
  if (topic == topic::post_liked) {
    post_liked e;
    e.post_id = in.id({"postId"});
    e.post_writer_id = in.id({"postWriterId", "postWriter.seq"});
    e.user_id = in.optional_id({"userId"});
    e.name = in.text("name", name_code_points_max);
    e.contents = in.optional_text("contents", contents_code_points_max);
    return e;
  }
  if (topic == topic::comment_created) {
    comment_created e;
    e.post_id = in.optional_id({"postId"});
    e.post_writer_id = in.id({"postWriter.seq", "postWriterId"});
    e.comment_id = in.optional_id({"commentId"});
    e.user_id = in.optional_id({"userId", "commentWriter.seq"});
    e.commenter_name = in.text("commentWriter.name", name_code_points_max);
    e.contents = in.optional_text("contents", contents_code_points_max);
    return e;
  }
  const auto user = in.id({"userId"});
  const auto target = in.id({"targetId"});
  auto name = in.text("name", name_code_points_max);
  if (topic == topic::connection_requested) return connection_requested{user, target, std::move(name)};
  return connection_granted{user, target, std::move(name)};
}

/// A header that becomes part of a key: printable text of a bounded length.
std::string name_header(const record& from, std::string_view name, std::string otherwise, field_reader& in) {
  const auto* value = from.find(name);
  if (value == nullptr || value->empty()) return otherwise;
  if (value->size() > event_name_bytes_max || !is_valid_utf8(*value) || has_control_or_bidi(*value)) {
    in.refuse(std::string(name),
              "must be printable text of at most " + std::to_string(event_name_bytes_max) + " bytes");
    return otherwise;
  }
  return *value;
}

timestamp_t time_of(const received& from) {
  const auto* text = from.content.find("ce_time");
  const auto time = text != nullptr ? parse_time(*text) : std::nullopt;
  return time.value_or(std::max<timestamp_t>(from.time, 0));
}

}  // namespace

result<push_event> read_event(const received& from) {
  const auto& topic = from.content.topic;
  static const auto known = topics_of_push_events();
  if (std::ranges::find(known, topic) == known.end())
    return error{error_code::invalid_input, "The topic " + topic + " carries no event of the push role"};
  const auto value = read_value(from.content.value);
  if (!value) return value.error();

  field_reader in(*value);
  push_event event;
  event.id = name_header(from.content, "ce_id",
                         topic + "/" + std::to_string(from.content.partition) + "/" + std::to_string(from.offset), in);
  event.source = name_header(from.content, "ce_source", "kafka", in);
  event.body = read_body(topic, in);
  if (auto failure = in.failure()) return *std::move(failure);
  event.time = time_of(from);
  event.trace = read_trace(from.content);
  return event;
}

}  // namespace social::kafka
