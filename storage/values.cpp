#include "storage/values.hpp"

namespace social::storage {

namespace {

struct stored_event {
  domain::aggregate_kind kind{};
  id_t id = 0;
  std::uint16_t type = 0;
  std::string bytes;
  template <class V>
  void fields(V& v) {
    v(kind, id, type, bytes);
  }
};

struct stored_record {
  std::uint64_t epoch = 0;
  timestamp_t time = 0;
  std::string trace;
  std::vector<stored_event> events;
  static constexpr std::uint8_t version = 1;
  template <class V>
  void fields(V& v) {
    v(epoch, time, trace, events);
  }
};

}  // namespace

// Written field by field instead of through stored_record: the event bytes are copied once, not twice. A test holds
// both against each other.
std::string encode_journal_value(const ports::commit_request& request, std::uint64_t epoch) {
  std::size_t size = 32 + request.trace.size();
  for (const auto& event : request.events) size += 24 + event.bytes.size();
  std::string out;
  out.reserve(size);
  out.push_back(static_cast<char>(stored_record::version));
  record_writer writer(out);
  auto& fields = const_cast<ports::commit_request&>(request);  // the writer only reads
  writer(epoch, fields.time, fields.trace);
  writer.put_varint(request.events.size());
  for (auto& event : fields.events) writer.nested([&] { writer(event.kind, event.id, event.type, event.bytes); });
  return out;
}

result<ports::journal_record> decode_journal_record(const journal_key& key, std::string_view value) {
  auto stored = decode_record<stored_record>(value);
  if (!stored || stored->events.empty())
    return error{error_code::corrupt_record, "journal record of shard " + std::to_string(key.shard) + ", sequence " +
                                                 std::to_string(key.first_sequence) + ": " +
                                                 (stored ? "no events" : std::string(stored.error().text()))};
  ports::journal_record record;
  record.shard = key.shard;
  record.first_sequence = key.first_sequence;
  record.time = stored->time;
  record.trace = std::move(stored->trace);
  record.events.reserve(stored->events.size());
  for (auto& event : stored->events)
    record.events.push_back({event.kind, event.id, event.type, std::move(event.bytes)});
  return record;
}

std::uint64_t events_in_journal_value(std::string_view value) {
  const auto stored = decode_record<stored_record>(value);
  return stored ? stored->events.size() : 0;
}

}  // namespace social::storage
