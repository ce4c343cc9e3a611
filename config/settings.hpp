// What the process was told, typed and within its limits. Filled by parse() (invocation.hpp), read by the composition
// roots only.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "actors/base/log.hpp"
#include "config/limits.hpp"
#include "config/values.hpp"

namespace social::config {

struct roles {
  bool api = false;
  bool push = false;
  friend bool operator==(const roles&, const roles&) = default;
};

enum class durability : std::uint8_t { sync, async };
enum class push_mode : std::uint8_t { webpush, console };
enum class join_audience : std::uint8_t { everyone, none };
enum class log_format : std::uint8_t { text, json };

struct http_settings {
  std::string address = {};  ///< an IP address, without brackets
  std::uint16_t port = 0;
  std::uint64_t threads = 0;
  std::string public_url = {};  ///< without a slash at its end; empty: see public_url_for()
  std::vector<address_range> trusted_proxies = {};
};

struct admin_settings {
  std::string address;
  std::uint16_t port = 0;
  bool write = false;
  bool metrics_auth = false;
};

struct kafka_settings {
  std::string brokers;  ///< empty: no Kafka
  std::string group;
  std::int32_t partitions = 0;
  std::int32_t replication = 0;
  assignments options;  ///< those of the file first: of equal keys the last wins
  std::filesystem::path option_file;
  std::chrono::milliseconds request_timeout{};
  assignments codecs;    ///< topic -> json, json-string, raw
  assignments type_ids;  ///< topic -> the header `__TypeId__`

  [[nodiscard]] bool is_used() const noexcept { return !brokers.empty(); }
};

struct push_settings {
  bool off = false;
  push_mode mode = push_mode::webpush;
  std::string subject;
  std::vector<std::string> allow_origins;  ///< lower case, without a default port
  std::vector<std::filesystem::path> ca_files;
  std::chrono::milliseconds ttl{};
  std::filesystem::path vapid_dir;
  join_audience audience = join_audience::everyone;
  std::chrono::milliseconds join_interval{};
};

struct auth_settings {
  std::chrono::milliseconds token_ttl{};
  std::filesystem::path jwt_key_file;
  std::uint64_t argon2_memory_bytes = 0;
  std::uint64_t argon2_passes = 0;
};

struct log_settings {
  log::level level = log::level::info;
  log_format format = log_format::text;
};

struct settings {
  std::filesystem::path config_file;
  std::filesystem::path data;
  config::roles roles;
  config::durability durability = config::durability::sync;
  std::uint16_t shards = 0;
  std::chrono::milliseconds journal_retention{};
  std::chrono::milliseconds shutdown_deadline{};
  std::uint64_t actor_threads = 0;
  http_settings http;
  admin_settings admin;
  kafka_settings kafka;
  push_settings push;
  auth_settings auth;
  log_settings log;
  limit_settings limits;
};

/// What links carry: the configured URL, else the address with the port that was really taken. An unspecified address
/// (0.0.0.0, ::) is shown as loopback, because nobody can follow a link to it.
std::string public_url_for(const http_settings& http, std::uint16_t bound_port);

}  // namespace social::config
