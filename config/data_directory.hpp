// The data directory: everything durable is below it.
//
//   api/ push/            one store each, locked by its process
//   run/<executable>.json the ready line of a running process
//   secrets/              jwt.key, idempotency.key, admin.token, vapid/
//   restore-unfinished    only while, or after, a restore did not come to its end
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "actors/base/result.hpp"
#include "config/settings.hpp"

namespace social::config {

inline constexpr std::size_t jwt_key_bytes = 64;           ///< RFC 7518 section 3.2: as many as SHA-512 gives, or more
inline constexpr std::size_t idempotency_key_bytes = 32;   ///< RFC 2104 section 3: as many as SHA-256 gives, or more
inline constexpr std::size_t admin_token_characters = 43;  ///< 6 bits each: 258 random bits
inline constexpr std::size_t admin_token_characters_min = 32;

/// There while a restore fills the directory; nothing starts on it.
inline constexpr std::string_view restore_marker = "restore-unfinished";
error restore_unfinished(const std::filesystem::path& root);

/// The `run` file of this process: there while the object lives, so that an orderly stop removes it and a crash does
/// not. Owned by main().
class run_file {
 public:
  run_file(run_file&& other) noexcept;
  run_file& operator=(run_file&& other) noexcept;
  ~run_file();

 private:
  friend class data_directory;
  explicit run_file(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;  ///< empty: moved from
};

class data_directory {
 public:
  /// Makes what is missing (0700) and finds out whether it can be written. Two processes may do so at once. A directory
  /// that others can enter is closed to them when it is empty or already a data directory, else refused: it may be
  /// somebody's home. Errors: io_error with a sentence that says what to do: exit 3.
  static result<data_directory> open(const std::filesystem::path& root);

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path api() const { return root_ / "api"; }
  [[nodiscard]] std::filesystem::path push() const { return root_ / "push"; }
  [[nodiscard]] std::filesystem::path secrets() const { return root_ / "secrets"; }

  /// URL-safe text, made at first use. Errors: io_error.
  [[nodiscard]] result<std::string> admin_token() const;

  /// The signing key in `file`, at least 64 bytes. Made at first use when it is the one below this directory; a key
  /// that the operator put elsewhere is shared between nodes, and one made here would not be. Errors: io_error.
  [[nodiscard]] result<std::string> jwt_key(const std::filesystem::path& file) const;

  /// Fingerprints of calls are made with it; made at first use. Errors: io_error.
  [[nodiscard]] result<std::string> idempotency_key() const;

  /// Writes run/<executable>.json atomically. Errors: io_error.
  [[nodiscard]] result<run_file> announce(std::string_view executable, std::string_view ready_line) const;

 private:
  explicit data_directory(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

}  // namespace social::config
