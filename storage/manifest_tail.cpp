#include "storage/manifest_tail.hpp"

#include <array>

#include <rocksdb/file_system.h>

namespace social::storage {

namespace {

constexpr std::size_t block_size = 32768;
constexpr std::size_t header_size = 7;
enum class record_type : std::uint8_t { full = 1, first = 2, middle = 3, last = 4 };

/// CRC-32C (Castagnoli), bit by bit through a table.
std::uint32_t crc32c(std::string_view bytes) noexcept {
  static const auto table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
      out[i] = value;
    }
    return out;
  }();
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<std::uint8_t>(byte)) & 255] ^ (crc >> 8);
  return ~crc;
}

constexpr std::uint32_t masked(std::uint32_t crc) noexcept {
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

struct physical_record {
  record_type type;
  std::size_t size;  ///< with its header
};

/// The record at `at`, when it is whole and its checksum holds.
std::optional<physical_record> record_at(std::string_view log, std::size_t at) {
  const std::size_t left_in_block = block_size - at % block_size;
  if (left_in_block < header_size || log.size() - at < header_size) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(log[at + i])); };
  const std::size_t length = byte(4) | byte(5) << 8;
  const auto type = byte(6);
  if (type < 1 || type > 4 || header_size + length > left_in_block || header_size + length > log.size() - at)
    return std::nullopt;
  const std::uint32_t expected = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
  if (masked(crc32c(log.substr(at + 6, 1 + length))) != expected) return std::nullopt;
  return physical_record{static_cast<record_type>(type), header_size + length};
}

/// Position of the next record: the last bytes of a block are too few for a header and left empty.
constexpr std::size_t next_position(std::size_t at) noexcept {
  const std::size_t left_in_block = block_size - at % block_size;
  return left_in_block < header_size ? at + left_in_block : at;
}

struct walked {
  std::size_t end = 0;    ///< where no valid piece of a record begins
  std::size_t whole = 0;  ///< behind the last whole record
};

walked walk(std::string_view log) {
  walked out;
  while (out.end < log.size()) {
    const auto record = record_at(log, out.end);
    if (!record) break;
    out.end += record->size;
    if (record->type == record_type::full || record->type == record_type::last) out.whole = out.end;
    out.end = next_position(out.end);
  }
  return out;
}

}  // namespace

std::optional<std::string> manifest_named(std::string_view current) {
  constexpr std::string_view prefix = "MANIFEST-";
  if (!current.ends_with('\n')) return std::nullopt;
  current.remove_suffix(1);
  if (!current.starts_with(prefix) || current.size() == prefix.size() ||
      current.find_first_not_of("0123456789", prefix.size()) != std::string_view::npos)
    return std::nullopt;
  return std::string(current);
}

std::size_t whole_records(std::string_view log) {
  return walk(log).whole;
}

std::optional<std::size_t> sound_length(std::string_view log) {
  const auto walked = walk(log);
  if (walked.end >= log.size()) return std::nullopt;
  for (std::size_t later = walked.end + 1; later < log.size(); ++later)
    if (record_at(log, later)) return std::nullopt;
  return walked.whole;
}

result<std::optional<manifest_cut>> manifest_cut::make(rocksdb::FileSystem& files, const std::filesystem::path& store,
                                                       const synced_file& synced) {
  std::string current;
  std::string bytes;
  auto status = rocksdb::ReadFileToString(&files, (store / "CURRENT").string(), &current);
  const auto name = manifest_named(current).value_or("");
  const std::string path = (store / name).string();
  if (status.ok()) status = rocksdb::ReadFileToString(&files, path, &bytes);
  if (!status.ok()) return error{error_code::io_error, status.ToString()};
  const auto sound = sound_length(bytes);
  if (!sound || *sound == 0 || (name == synced.name && *sound < synced.bytes)) return std::optional<manifest_cut>();

  manifest_cut out(files, path, *sound, bytes.size() - *sound);
  const rocksdb::IOOptions io;
  const std::string shorter = path + ".new";
  status = rocksdb::WriteStringToFile(&files, bytes, out.saved(), true);
  if (status.ok())
    status = rocksdb::WriteStringToFile(&files, std::string_view(bytes).substr(0, *sound), shorter, true);
  if (status.ok()) status = files.RenameFile(shorter, path, io, nullptr);
  if (!status.ok()) return error{error_code::io_error, status.ToString()};
  return std::optional<manifest_cut>(std::move(out));
}

void manifest_cut::keep() {
  files_->DeleteFile(saved(), rocksdb::IOOptions(), nullptr).PermitUncheckedError();
}

void manifest_cut::take_back() {
  files_->RenameFile(saved(), path_, rocksdb::IOOptions(), nullptr).PermitUncheckedError();
}

}  // namespace social::storage
