#include "config/data_directory.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "config/secret_file.hpp"

namespace social::config {
namespace {

namespace fs = std::filesystem;

error unusable(const fs::path& directory, const std::string& why) {
  return {error_code::io_error, "the data directory " + directory.string() + " " + why};
}

/// One directory of mode 0700; it is fine when another process was faster.
result<void> make_directory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  const int number = errno;
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return unusable(directory, std::string("cannot be made (") + std::strerror(number) +
                                 "); give this user access, or another directory with --data");
}

/// True for a directory that nothing else lives in: an empty one, or one that was used before.
bool is_ours(const fs::path& root) {
  std::error_code ignored;
  return fs::is_directory(root / "secrets", ignored) || fs::is_empty(root, ignored);
}

result<void> close_to_others(const fs::path& root) {
  struct stat status{};
  if (::stat(root.c_str(), &status) != 0) return unusable(root, "cannot be examined; give this user access");
  if ((status.st_mode & 077) == 0) return {};
  // A sticky directory is shared by intent, such as /tmp.
  if ((status.st_mode & S_ISVTX) == 0 && is_ours(root) && ::chmod(root.c_str(), 0700) == 0) return {};
  // Another executable that starts on it at the same moment closes it before it puts anything there.
  if (::stat(root.c_str(), &status) == 0 && (status.st_mode & 077) == 0) return {};
  return unusable(
      root, "is open to other users; run: chmod 700 " + root.string() + ", or give a directory of its own with --data");
}

result<void> check_writable(const fs::path& root) {
  std::string name = (root / "run" / ".probe.XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0)
    return unusable(root, std::string("cannot be written (") + std::strerror(errno) +
                              "); give this user write access and the disk space, or another directory with --data");
  ::close(fd);
  ::unlink(name.c_str());
  return {};
}

/// 64 characters, so 6 bits of each byte choose one without a bias.
std::string url_safe(std::string bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (auto& byte : bytes) byte = alphabet[static_cast<unsigned char>(byte) & 63U];
  return bytes;
}

bool is_url_safe(std::string_view text) {
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
         std::string_view::npos;
}

}  // namespace

run_file::run_file(run_file&& other) noexcept : file_(std::exchange(other.file_, {})) {}

run_file& run_file::operator=(run_file&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

run_file::~run_file() {
  if (!file_.empty()) ::unlink(file_.c_str());
}

error restore_unfinished(const fs::path& root) {
  return unusable(root, "holds a restore that did not finish; remove everything in it and restore again");
}

result<data_directory> data_directory::open(const fs::path& root) {
  std::error_code failure;
  auto absolute = fs::absolute(root, failure).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // `data/`
  if (failure) return unusable(root, "has no absolute path (" + failure.message() + "); give one with --data");
  if (absolute.has_parent_path()) fs::create_directories(absolute.parent_path(), failure);
  if (failure)
    return unusable(
        root, "cannot be made (" + failure.message() + "); give this user access, or another directory with --data");
  if (auto made = make_directory(absolute); !made) return made.error();
  if (auto closed = close_to_others(absolute); !closed) return closed.error();
  if (fs::exists(absolute / restore_marker, failure)) return restore_unfinished(absolute);
  for (const auto* part : {"api", "push", "run", "secrets"})
    if (auto made = make_directory(absolute / part); !made) return made.error();
  if (auto writable = check_writable(absolute); !writable) return writable.error();
  return data_directory(absolute);
}

result<std::string> data_directory::admin_token() const {
  const auto file = secrets() / "admin.token";
  auto made = make_secret(file, []() -> result<std::string> {
    auto bytes = random_bytes(admin_token_characters);
    if (!bytes) return bytes.error();
    return url_safe(std::move(*bytes));
  });
  if (!made) return made.error();
  auto token = read_secret(file, admin_token_characters_min);
  if (!token) return token;
  // An editor adds a line end.
  while (token->ends_with('\n') || token->ends_with('\r')) token->pop_back();
  if (token->size() < admin_token_characters_min || !is_url_safe(*token))
    return error(error_code::io_error, "the secret " + file.string() + " is not a token of at least " +
                                           std::to_string(admin_token_characters_min) +
                                           " letters, digits, - and _; restore it from a backup");
  return token;
}

result<std::string> data_directory::jwt_key(const fs::path& file) const {
  std::error_code ignored;
  const auto wanted = fs::absolute(file, ignored).lexically_normal();
  if (wanted == secrets() / "jwt.key") {
    auto made = make_secret(wanted, [] { return random_bytes(jwt_key_bytes); });
    if (!made) return made.error();
  }
  return read_secret(wanted, jwt_key_bytes);
}

result<std::string> data_directory::idempotency_key() const {
  const auto file = secrets() / "idempotency.key";
  auto made = make_secret(file, [] { return random_bytes(idempotency_key_bytes); });
  if (!made) return made.error();
  return read_secret(file, idempotency_key_bytes);
}

result<run_file> data_directory::announce(std::string_view executable, std::string_view ready_line) const {
  const auto file = root_ / "run" / (std::string(executable) + ".json");
  std::string temporary = (root_ / "run" / ".ready.XXXXXX").string();
  const auto failed = [&] {
    return unusable(file, std::string("cannot be written (") + std::strerror(errno) + "); give this user write access");
  };
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return failed();
  const auto written = ::write(fd, ready_line.data(), ready_line.size());
  const bool complete = written == static_cast<ssize_t>(ready_line.size());
  ::close(fd);
  if (complete && ::rename(temporary.c_str(), file.c_str()) == 0) return run_file(file);
  auto why = failed();
  ::unlink(temporary.c_str());
  return why;
}

}  // namespace social::config
