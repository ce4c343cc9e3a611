#include "actors/kafka/push/dead_letter_record.hpp"

#include <algorithm>

#include "actors/base/text.hpp"
#include "actors/kafka/topics.hpp"

namespace social::kafka {
namespace {

constexpr std::string_view prefix = "kafka_dlt-";
constexpr std::string_view original_topic = "kafka_dlt-original-topic";
constexpr std::string_view original_partition = "kafka_dlt-original-partition";
constexpr std::string_view original_offset = "kafka_dlt-original-offset";
constexpr std::string_view original_timestamp = "kafka_dlt-original-timestamp";
constexpr std::string_view exception_message = "kafka_dlt-exception-message";
constexpr std::string_view exception_fqcn = "kafka_dlt-exception-fqcn";
constexpr std::string_view left_out = "kafka_dlt-value-left-out";  ///< ours: its size in decimal

constexpr std::size_t reason_bytes_max = 1024;

template <class Integer>
std::string big_endian(Integer value) {
  std::string out;
  for (int shift = static_cast<int>(sizeof(Integer)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift));
  return out;
}

template <class Integer>
Integer from_big_endian(const std::string* bytes, Integer otherwise) {
  if (bytes == nullptr || bytes->size() != sizeof(Integer)) return otherwise;
  std::uint64_t value = 0;
  for (const char c : *bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return static_cast<Integer>(value);
}

/// The sentence, and what is wrong with each field.
std::string reason_of(const error& why) {
  std::string out(why.text());
  std::string_view before = ": ";
  for (const auto& [field, reason] : why.fields) {
    out.append(before).append(field).append(" ").append(reason);
    before = "; ";
  }
  return std::string(first_bytes_on_boundary(out, std::min(reason_bytes_max, valid_utf8_prefix(out))));
}

std::string text_of(const std::string* value, std::size_t bytes_max) {
  if (value == nullptr) return {};
  return std::string(first_bytes_on_boundary(*value, std::min(bytes_max, valid_utf8_prefix(*value))));
}

std::vector<header> own_headers(const record& from) {
  auto out = from.headers;
  std::erase_if(out, [](const header& h) { return h.name.starts_with(prefix); });
  return out;
}

}  // namespace

record dead_letter_of(const received& from, const error& why, letter_part keep) {
  const auto& original = from.content;
  record out;
  out.topic = original.topic + std::string(topic::dead_letter_suffix);
  if (keep != letter_part::place_alone) {
    out.key = original.key;
    out.headers = own_headers(original);
  }
  const auto add = [&](std::string_view name, std::string value) {
    out.headers.push_back({std::string(name), std::move(value)});
  };
  add(original_topic, original.topic);
  add(original_partition, big_endian(original.partition));
  add(original_offset, big_endian(from.offset));
  add(original_timestamp, big_endian(from.time));
  add(exception_message, reason_of(why));
  add(exception_fqcn, std::string(describe(why.code).word));
  if (keep == letter_part::all)
    out.value = original.value;
  else
    add(left_out, std::to_string(original.value ? original.value->size() : 0));
  return out;
}

std::optional<dead_letter_origin> origin_of_dead_letter(const record& letter) {
  constexpr std::size_t topic_bytes_max = 249;  // Kafka's own limit
  dead_letter_origin out;
  out.topic = text_of(letter.find(original_topic), topic_bytes_max);
  if (out.topic.empty()) return std::nullopt;
  out.partition = from_big_endian<std::int32_t>(letter.find(original_partition), -1);
  out.offset = from_big_endian<std::int64_t>(letter.find(original_offset), -1);
  out.time = from_big_endian<std::int64_t>(letter.find(original_timestamp), 0);
  out.reason = text_of(letter.find(exception_message), reason_bytes_max);
  out.code = text_of(letter.find(exception_fqcn), reason_bytes_max);
  out.value_left_out = letter.find(left_out) != nullptr;
  return out;
}

result<record> revived(const record& letter) {
  const auto origin = origin_of_dead_letter(letter);
  if (!origin) return error{error_code::invalid_input, "The record does not say from which topic it came"};
  if (origin->value_left_out)
    return error{error_code::invalid_input, "The value did not fit into the dead letter: it lies in " + origin->topic +
                                                ", partition " + std::to_string(origin->partition) + ", offset " +
                                                std::to_string(origin->offset)};
  record out;
  out.topic = origin->topic;
  out.key = letter.key;
  out.value = letter.value;
  out.headers = own_headers(letter);
  return out;
}

}  // namespace social::kafka
