#include "storage/values.hpp"

namespace social::storage {

namespace {

constexpr std::uint8_t journal_value_version = 1;

error damaged(const journal_key& key, const std::string& why) {
  return {error_code::corrupt_record, "journal record of shard " + std::to_string(key.shard) + ", sequence " +
                                          std::to_string(key.first_sequence) + ": " + why};
}

}  // namespace

// Both directions go field by field over what the callers hold, so that the bytes of an event are copied once; the
// golden bytes of the tests hold them to the format.
std::string encode_journal_value(const ports::commit_request& request, std::uint64_t epoch) {
  std::size_t size = 32 + request.trace.size();
  for (const auto& event : request.events) size += 24 + event.bytes.size();
  std::string out;
  out.reserve(size);
  out.push_back(static_cast<char>(journal_value_version));
  record_writer writer(out);
  auto& fields = const_cast<ports::commit_request&>(request);  // the writer only reads
  writer(epoch, fields.time, fields.trace);
  writer.put_varint(request.events.size());
  for (auto& event : fields.events) writer.nested([&] { writer(event.kind, event.id, event.type, event.bytes); });
  return out;
}

result<void> decode_journal_record(const journal_key& key, std::string_view value, ports::journal_record& out) {
  if (value.empty()) return damaged(key, "empty record");
  const auto version = static_cast<std::uint8_t>(value.front());
  if (version != journal_value_version)
    return damaged(key, "record of version " + std::to_string(version) + ", this program knows up to " +
                            std::to_string(journal_value_version));
  std::uint64_t epoch = 0;
  record_reader reader(value.substr(1));
  reader(epoch, out.time, out.trace, out.events);
  if (!reader.ok()) return damaged(key, "record is cut short or has bytes left over");
  if (out.events.empty()) return damaged(key, "no events");
  out.shard = key.shard;
  out.first_sequence = key.first_sequence;
  return {};
}

result<ports::journal_record> decode_journal_record(const journal_key& key, std::string_view value) {
  ports::journal_record record;
  if (const auto outcome = decode_journal_record(key, value, record); !outcome) return outcome.error();
  return record;
}

std::uint64_t events_in_journal_value(std::string_view value) {
  ports::journal_record record;
  return decode_journal_record({}, value, record) ? record.events.size() : 0;
}

}  // namespace social::storage
