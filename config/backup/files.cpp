#include "config/backup/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "actors/base/digest_stream.hpp"
#include "actors/base/log.hpp"
#include "config/descriptor.hpp"

namespace social::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
/// Handed to the disk at once: a whole large file at its end would hold up the commits of the running server.
constexpr std::size_t portion_bytes = std::size_t{8} << 20;

using config::descriptor;

error cannot(const char* what, const fs::path& file) {
  return failed(file.string() + " cannot be " + what, errno);
}

result<void> write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot("written", file);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

/// Fills the buffer as far as the file goes; 0: its end.
result<std::size_t> read_some(int fd, std::string& buffer, const fs::path& file) {
  while (true) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", file);
    return static_cast<std::size_t>(got);
  }
}

int open_to_read(const fs::path& file) {
  // A FIFO under this name must not hang the backup.
  return ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

result<void> check_plain(int fd, const fs::path& file) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return cannot("examined", file);
  if (!S_ISREG(status.st_mode)) return error{error_code::io_error, file.string() + " is not a plain file"};
  return {};
}

int open_new(const fs::path& file) {
  return ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

}  // namespace

error failed(const std::string& what, int number) {
  return {error_code::io_error, what + " (" + std::strerror(number) + ")"};
}

result<file_entry> copy_file(const fs::path& from, const fs::path& to, const go_on& wanted) {
  const descriptor source(open_to_read(from));
  if (!source.valid()) return cannot("opened", from);
  if (auto plain = check_plain(source.get(), from); !plain) return plain.error();
  const descriptor target(open_new(to));
  if (!target.valid()) return cannot("made", to);
  sha256_stream digest;
  file_entry copied;
  std::string buffer(chunk_bytes, '\0');
  std::size_t unsynced = 0;
  while (true) {
    if (!wanted()) return error{error_code::shutting_down, "the process is stopping"};
    const auto got = read_some(source.get(), buffer, from);
    if (!got) return got.error();
    if (*got == 0) break;
    const std::string_view bytes(buffer.data(), *got);
    digest.update(bytes);
    if (auto written = write_all(target.get(), bytes, to); !written) return written.error();
    copied.bytes += *got;
    unsynced += *got;
    if (unsynced < portion_bytes) continue;
    if (::fdatasync(target.get()) != 0) return cannot("synced", to);
    unsynced = 0;
  }
  if (::fsync(target.get()) != 0) return cannot("synced", to);
  copied.sha256 = to_hex(digest.finish());
  return copied;
}

result<void> write_new(const fs::path& file, std::string_view content) {
  const descriptor target(open_new(file));
  if (!target.valid()) return cannot("made", file);
  if (auto written = write_all(target.get(), content, file); !written) return written.error();
  if (::fsync(target.get()) != 0) return cannot("synced", file);
  return {};
}

result<std::string> read_whole(const fs::path& file, std::size_t bytes_max) {
  const descriptor source(open_to_read(file));
  if (!source.valid()) return cannot("opened", file);
  if (auto plain = check_plain(source.get(), file); !plain) return plain.error();
  std::string content;
  std::string buffer(chunk_bytes, '\0');
  while (true) {
    const auto got = read_some(source.get(), buffer, file);
    if (!got) return got.error();
    if (*got == 0) return content;
    content.append(buffer.data(), *got);
    if (content.size() > bytes_max)
      return error{error_code::io_error, file.string() + " is longer than " + std::to_string(bytes_max) + " bytes"};
  }
}

result<void> make_directories(const fs::path& root, const fs::path& below) {
  auto directory = root;
  for (const auto& part : below) {
    directory /= part;
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return cannot("made", directory);
  }
  return {};
}

result<void> sync_directory(const fs::path& directory) {
  const descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid() || ::fsync(opened.get()) != 0) return cannot("synced", directory);
  return {};
}

result<void> sync_directories(const fs::path& root) {
  std::error_code failure;
  for (fs::recursive_directory_iterator each(root, failure), end; !failure && each != end; each.increment(failure))
    if (each->is_directory(failure))
      if (auto synced = sync_directory(each->path()); !synced) return synced.error();
  if (failure) return failed(root.string() + " cannot be read", failure.value());
  return sync_directory(root);
}

result<std::vector<fs::path>> plain_files(const fs::path& root) {
  std::vector<fs::path> found;
  std::error_code failure;
  if (!fs::exists(root, failure)) return found;
  for (fs::recursive_directory_iterator each(root, failure), end; !failure && each != end; each.increment(failure)) {
    if (each->path().filename().string().starts_with('.')) {
      if (each->is_directory(failure)) each.disable_recursion_pending();
    } else if (each->is_regular_file(failure)) {
      found.push_back(each->path().lexically_relative(root));
    }
  }
  if (failure) return failed(root.string() + " cannot be read", failure.value());
  std::sort(found.begin(), found.end());
  return found;
}

result<std::uint64_t> free_bytes(const fs::path& directory) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) != 0) return cannot("examined", directory);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

bool on_one_disk(const fs::path& one, const fs::path& other) {
  struct stat of_one{};
  struct stat of_other{};
  return ::stat(one.c_str(), &of_one) != 0 || ::stat(other.c_str(), &of_other) != 0 || of_one.st_dev == of_other.st_dev;
}

result<void> check_space(const fs::path& directory, std::uint64_t bytes) {
  const auto free = free_bytes(directory);
  if (!free) return free.error();
  if (*free >= bytes) return {};
  return error{error_code::io_error, "there is no room in " + directory.string() + ": " + std::to_string(bytes) +
                                         " bytes are needed and " + std::to_string(*free) +
                                         " are free; free space, or name a directory on another disk"};
}

bool is_empty_directory(const fs::path& directory) {
  std::error_code failure;
  return fs::is_directory(directory, failure) && fs::is_empty(directory, failure) && !failure;
}

scratch::~scratch() {
  if (directory_.empty()) return;
  std::error_code failure;
  fs::remove_all(directory_, failure);
  if (failure)
    log::warning("backup", "what is not needed any more cannot be removed; remove it by hand",
                 {{"directory", directory_.string()}, {"reason", failure.message()}});
}

}  // namespace social::backup
