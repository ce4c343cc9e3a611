#include "storage/synced_mark.hpp"

#include <memory>
#include <pthread.h>
#include <sstream>

#include <rocksdb/file_system.h>

namespace social::storage {

namespace {

constexpr std::string_view mark_word = "social-synced-mark ";
constexpr std::size_t mark_size_max = 256;

std::uint64_t fnv1a(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211ULL;
  return hash;
}

std::string hexadecimal(std::uint64_t value) {
  std::string out(16, '0');
  for (auto it = out.rbegin(); it != out.rend(); ++it, value >>= 4) *it = "0123456789abcdef"[value & 15];
  return out;
}

/// The line with its check sum and its end.
std::string sealed(std::string line) {
  line += ' ' + hexadecimal(fnv1a(line)) + '\n';
  return line;
}

error io_failure(const std::filesystem::path& path, const rocksdb::IOStatus& status) {
  return {error_code::io_error, path.string() + " cannot be written: " + status.ToString()};
}

/// Built in steps: g++ 12 takes the sum of these texts for an overflow.
std::string sealed_line(std::string_view version, const std::string& rest) {
  std::string line(mark_word);
  line.append(version).append(" ").append(rest);
  return sealed(std::move(line));
}

std::string words_of(const synced_file& file) {
  return (file.name.empty() ? "-" : file.name) + ' ' + std::to_string(file.bytes);
}

/// The words that `file` has when it is written again.
std::string read_file(std::istream& words, synced_file& file) {
  words >> file.name >> file.bytes;
  if (file.name == "-") file.name.clear();
  return words_of(file);
}

}  // namespace

std::string encode_mark(const synced_mark& mark) {
  return sealed_line("3", std::to_string(mark.sequence) + ' ' + words_of(mark.log) + ' ' + words_of(mark.manifest));
}

result<synced_mark> decode_mark(std::string_view text) {
  synced_mark mark;
  std::istringstream words{std::string(text)};
  std::string word;
  int version = 0;
  words >> word >> version >> mark.sequence;
  auto again = std::to_string(mark.sequence);
  if (version >= 2) again += ' ' + read_file(words, mark.log);
  if (version >= 3) again += ' ' + read_file(words, mark.manifest);
  if (version < 1 || version > 3 || sealed_line(std::to_string(version), again) != text)
    return error{error_code::corrupt_record, "the synced mark does not decode"};
  return mark;
}

std::filesystem::path mark_path(const std::filesystem::path& store) {
  return store / "synced-mark";
}

synced_mark read_mark(rocksdb::FileSystem& files, const std::filesystem::path& store) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  auto status = files.NewSequentialFile(mark_path(store).string(), rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return {};
  char buffer[mark_size_max];
  rocksdb::Slice text;
  status = file->Read(sizeof(buffer), rocksdb::IOOptions(), &text, buffer, nullptr);
  if (!status.ok()) return {};
  const auto mark = decode_mark({text.data(), text.size()});
  return mark ? *mark : synced_mark();
}

result<void> write_mark(rocksdb::FileSystem& files, const std::filesystem::path& store, const synced_mark& mark) {
  const auto path = mark_path(store);
  const std::string temporary = path.string() + ".new";
  const rocksdb::IOOptions io;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  std::unique_ptr<rocksdb::FSDirectory> directory;
  auto status = files.NewWritableFile(temporary, rocksdb::FileOptions(), &file, nullptr);
  if (status.ok()) status = file->Append(encode_mark(mark), io, nullptr);
  if (status.ok()) status = file->Sync(io, nullptr);
  if (status.ok()) status = file->Close(io, nullptr);
  if (status.ok()) status = files.NewDirectory(store.string(), io, &directory, nullptr);
  if (status.ok()) status = directory->Fsync(io, nullptr);
  if (status.ok()) status = files.RenameFile(temporary, path.string(), io, nullptr);
  if (status.ok()) status = directory->Fsync(io, nullptr);
  if (!status.ok()) return io_failure(path, status);
  return {};
}

mark_keeper::mark_keeper(std::chrono::milliseconds interval, look_function look, write_function write)
    : interval_(interval), look_(std::move(look)), write_(std::move(write)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "store-mark");
}

void mark_keeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void mark_keeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, interval_, [&] { return stopping_; });
    lock.unlock();
    write_if_newer();
    lock.lock();
  }
}

void mark_keeper::write_if_newer() {
  const auto noted = noted_.load(std::memory_order_relaxed);
  if (noted == 0 || noted < written_.sequence) return;
  auto mark = look_(noted);
  if (mark == written_ || !write_(mark)) return;
  written_ = std::move(mark);
}

}  // namespace social::storage
