// Voluntary application server identification (RFC 8292): who we are, signed, for each push service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"

namespace social::push {

/// The P-256 keys of one data directory, `key-0001.pem` and on; the highest number is the current one. A key that was
/// left by a rotation goes on signing for the subscriptions that were made under it.
///
/// Files are PKCS#8 PEM, mode 0600, in a directory of mode 0700. They appear whole or not at all, and of two processes
/// that start together one makes the key and both use it. A damaged file is never replaced: every subscription is bound
/// to its key, so a new one would silence every device.
///
/// Thread-safe. Signing blocks on nothing; `open` and `rotate` sync files.
class vapid_keys {
 public:
  /// Asked when the directory holds no key, before the first is made. An error keeps it from being made: devices are
  /// bound to keys that are not here.
  using may_make = std::function<result<void>()>;

  /// Makes the directory and the first key when there is none. Errors: io_error, corrupt_record; the message names the
  /// file; those of `allowed`, after which nothing was made.
  static result<std::shared_ptr<vapid_keys>> open(
      const std::filesystem::path& directory, const may_make& allowed = [] { return result<void>(); });
  ~vapid_keys();

  struct key_info {
    std::string id;          ///< 16 hexadecimal digits of the SHA-256 of the public key
    std::string public_key;  ///< 65 bytes in base64url: what `applicationServerKey` takes
    bool current = false;
  };
  [[nodiscard]] key_info current() const;
  /// Oldest first.
  [[nodiscard]] std::vector<key_info> list() const;
  /// base64url; empty: no such key.
  [[nodiscard]] std::string public_key(std::string_view key_id) const;

  /// Adds a key and makes it the current one. When another process has just done so, its key is taken instead of a
  /// second new one. Returns the id. Errors: io_error, corrupt_record.
  result<std::string> rotate();

  /// Reads the files again: another process may have rotated. On an error the keys stay as they were.
  result<void> reload();

  /// ECDSA with SHA-256 as JWS wants it: r | s, 64 bytes (RFC 7518 section 3.4). Errors: not_found, internal.
  [[nodiscard]] result<std::string> sign(std::string_view key_id, std::string_view text) const;

 private:
  struct key;
  explicit vapid_keys(std::filesystem::path directory);
  [[nodiscard]] std::shared_ptr<const key> find(std::string_view key_id) const;

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const key>> keys_;  ///< ascending by number
};

/// What is wrong with a contact for `sub`; empty: nothing. It is a mailto: or https: URI without spaces and angle
/// brackets: some services answer 403 to anything else.
std::string problem_of_subject(std::string_view subject);

struct vapid_options {
  std::string subject{};                  ///< contact of the operator; empty: tokens without `sub`
  std::int64_t token_life_s = 12 * 3600;  ///< 2 h to 24 h (RFC 8292 section 2); renewed at half of it
  std::size_t tokens_max = 4096;          ///< cached, one per key and origin; over it the one signed first goes
};

/// Signed tokens, kept per key and origin. Thread-safe; signing takes 30 us under its lock.
class vapid {
 public:
  /// `token_life_s` outside its range is a programmer error, as is a subject with a problem.
  vapid(std::shared_ptr<const vapid_keys> keys, vapid_options options);

  /// `vapid t=<JWT>, k=<public key>` for the header Authorization. `origin` is `endpoint_parts::origin`; `now` in
  /// milliseconds. Errors: not_found when no such key is kept, internal.
  result<std::string> authorization(std::string_view origin, std::string_view key_id, timestamp_t now);

  /// Tokens signed since the start, for metrics and tests.
  [[nodiscard]] std::uint64_t tokens_signed() const;
  [[nodiscard]] std::size_t tokens_cached() const;

 private:
  struct token {
    std::string authorization;
    timestamp_t signed_at = 0;
  };
  result<std::string> signed_token(std::string_view origin, std::string_view key_id, timestamp_t now) const;
  void make_room();

  const std::shared_ptr<const vapid_keys> keys_;
  const vapid_options options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, token> tokens_;  ///< by key id, a space, origin
  std::uint64_t tokens_signed_ = 0;
};

}  // namespace social::push
