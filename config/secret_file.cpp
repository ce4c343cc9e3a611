#include "config/secret_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/descriptor.hpp"

namespace social::config {
namespace {

error unusable(const std::filesystem::path& file, const std::string& why) {
  return {error_code::io_error, "the secret " + file.string() + " " + why};
}

error failed(const std::filesystem::path& file, const char* what) {
  const int number = errno;
  return unusable(file, std::string("cannot be ") + what + " (" + std::strerror(number) +
                            "); give this user access to it and to its directory");
}

constexpr std::string_view restore = "restore it from a backup; it is never made anew while the file is there";

/// Who may read a secret can act as the server.
result<void> check_file(const std::filesystem::path& file, int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return failed(file, "examined");
  if (!S_ISREG(status.st_mode)) return unusable(file, "is not a plain file; put the secret itself there");
  if ((status.st_mode & 077) != 0) return unusable(file, "is open to other users; run: chmod 600 " + file.string());
  return {};
}

result<std::string> read_all(const std::filesystem::path& file, int fd) {
  std::string content(secret_bytes_max + 1, '\0');
  std::size_t length = 0;
  while (length < content.size()) {
    const auto got = ::read(fd, content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(file, "read");
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  content.resize(length);
  return content;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

/// A complete, synced file under a name that nobody else uses.
result<std::filesystem::path> make_temporary(const std::filesystem::path& file, std::string_view content) {
  std::string name = (file.parent_path() / ("." + file.filename().string() + ".XXXXXX")).string();
  const descriptor fd(::mkostemp(name.data(), O_CLOEXEC));  // O_EXCL, 0600
  if (!fd.valid()) return failed(file, "made");
  if (write_all(fd.get(), content) && ::fsync(fd.get()) == 0) return std::filesystem::path(name);
  auto why = failed(file, "written");
  ::unlink(name.c_str());
  return why;
}

/// The name itself has to survive a power cut: tokens signed with a lost key are worthless.
result<void> sync_directory(const std::filesystem::path& file) {
  const descriptor fd(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return failed(file, "synced");
  return {};
}

}  // namespace

result<std::string> random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t length = 0;
  while (length < count) {
    const auto got = ::getrandom(bytes.data() + length, count - length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error(error_code::io_error, "the system gives no random bytes; check the kernel");
    length += static_cast<std::size_t>(got);
  }
  return bytes;
}

result<std::string> read_secret(const std::filesystem::path& file, std::size_t bytes_min) {
  // O_NONBLOCK: a FIFO under this name must not hang the start.
  const descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return failed(file, "opened");
  if (const auto checked = check_file(file, fd.get()); !checked) return checked.error();
  auto content = read_all(file, fd.get());
  if (!content) return content;
  if (content->empty()) return unusable(file, std::string("is empty; ").append(restore));
  if (content->size() < bytes_min)
    return unusable(file, "has " + std::to_string(content->size()) + " bytes where at least " +
                              std::to_string(bytes_min) + " belong; " + std::string(restore));
  if (content->size() > secret_bytes_max) return unusable(file, "is too long for a secret; " + std::string(restore));
  return content;
}

result<void> make_secret(const std::filesystem::path& file, const std::function<result<std::string>()>& content) {
  struct stat status{};
  if (::lstat(file.c_str(), &status) == 0) return {};
  if (errno != ENOENT) return failed(file, "examined");
  const auto bytes = content();
  if (!bytes) return bytes.error();
  const auto temporary = make_temporary(file, *bytes);
  if (!temporary) return temporary.error();
  // link() fails when the name is taken: the first of several processes wins, and nobody ever sees half a file.
  const bool linked = ::link(temporary->c_str(), file.c_str()) == 0;
  const int why = errno;
  ::unlink(temporary->c_str());
  errno = why;
  if (!linked && why != EEXIST) return failed(file, "made");
  return sync_directory(file);
}

}  // namespace social::config
