// Secrets in files: made once, atomically, readable by their owner only, and never made again behind anybody's back.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "actors/base/result.hpp"

namespace social::config {

inline constexpr std::size_t secret_bytes_max = 64 * 1024;

/// Random bytes of the kernel. Errors: io_error.
result<std::string> random_bytes(std::size_t count);

/// The content. Errors: io_error naming the file and what to do when it is missing, unreadable, not a plain file, open
/// to others than its owner, or not between `bytes_min` and `secret_bytes_max` long.
result<std::string> read_secret(const std::filesystem::path& file, std::size_t bytes_min);

/// Makes the file (0600, synced) unless it is there already; of several processes that race, one makes it and all find
/// the same. A file that is there is not looked at. Errors: io_error.
result<void> make_secret(const std::filesystem::path& file, const std::function<result<std::string>()>& content);

}  // namespace social::config
