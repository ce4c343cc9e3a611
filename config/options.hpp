// The option table: the one place where an option's name, type, default, bounds and reason stand. Command line,
// environment, file, `config show` and `--help` are all made from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/base/result.hpp"
#include "config/settings.hpp"

namespace social::config {

enum class executable : std::uint8_t { server = 1, api = 2, push = 4 };

/// `social-server`, `social-server-api`, `social-server-push`.
std::string_view name_of(executable self) noexcept;

/// Sets of executables that take an option.
inline constexpr std::uint8_t only_server = 1;
inline constexpr std::uint8_t with_api = 1 | 2;
inline constexpr std::uint8_t with_push = 1 | 4;
inline constexpr std::uint8_t everywhere = 1 | 2 | 4;

enum class value_kind : std::uint8_t {
  path,           ///< not empty
  count,          ///< whole number, minimum..maximum
  toggle,         ///< on the command line also without a value
  choice,         ///< one of `choices`
  role_list,      ///< some of api, push
  duration,       ///< minimum..maximum in milliseconds
  size,           ///< minimum..maximum in bytes
  address,        ///< IP address
  address_range,  ///< CIDR
  origin,         ///< scheme, host and port
  base_url,
  contact,     ///< mailto: or https:, RFC 8292 section 2.1
  brokers,     ///< host:port, several between commas
  name,        ///< see is_plain_name
  assignment,  ///< KEY=VALUE; a value is one of `choices`, where there are any
};

/// A value that passed its checks. A choice is its index, a size its bytes, a list its members.
using value = std::variant<bool, std::uint64_t, std::chrono::milliseconds, std::string, std::vector<std::string>,
                           std::vector<address_range>, assignments, roles>;

/// What defaults may depend on.
struct default_facts {
  executable self = executable::server;
  std::uint64_t cpus = 1;  ///< the CPU quota, rounded up
};

struct option {
  std::string_view name = {};
  value_kind kind = value_kind::path;
  std::uint8_t taken_by = everywhere;
  std::string_view fallback = {};  ///< in the option's own syntax; empty: not set
  std::string_view help = {};      ///< what it sets, for --help
  std::string_view reason = {};    ///< why this default
  void (*store)(settings&, const value&) = nullptr;
  std::uint64_t minimum = 0;
  std::uint64_t maximum = 0;
  std::string_view unit = {};     ///< of a count; the form of an assignment
  std::string_view choices = {};  ///< `sync|async`, in the order of the enum
  bool repeatable = false;
  bool secret = false;          ///< its value is never printed
  bool only_arguments = false;  ///< not in a file
  /// Overrides `fallback`; called in table order, so that options further up are in `so_far`.
  std::string (*computed_fallback)(const default_facts&, const settings& so_far) = nullptr;

  [[nodiscard]] bool taken(executable self) const noexcept { return (taken_by & static_cast<std::uint8_t>(self)) != 0; }
};

/// All options in the order of `config show`.
std::span<const option> option_table();

/// nullptr: there is none of this name.
const option* find_option(std::string_view name);

/// `http.public-url` -> `SOCIAL_HTTP_PUBLIC_URL`.
std::string environment_name(std::string_view option_name);

/// What is accepted, for error sentences: `a whole number from 1 to 4096`.
std::string accepted(const option& which);

/// A value and its text in normal form; the same text gives the same value again.
struct checked_value {
  config::value value;
  std::string text;
};

/// Checks the texts given for one option by one source (several only for a repeatable one). Errors: invalid_input
/// that says what is accepted; the caller adds where the text came from.
result<checked_value> check(const option& which, std::span<const std::string> texts);

namespace detail {

template <class T>
void assign(T& to, const value& from) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, roles> || std::is_same_v<T, std::string> ||
                std::is_same_v<T, std::chrono::milliseconds> || std::is_same_v<T, std::vector<std::string>> ||
                std::is_same_v<T, std::vector<address_range>> || std::is_same_v<T, assignments>) {
    to = std::get<T>(from);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    to = std::get<std::string>(from);
  } else if constexpr (std::is_same_v<T, std::vector<std::filesystem::path>>) {
    const auto& texts = std::get<std::vector<std::string>>(from);
    to.assign(texts.begin(), texts.end());
  } else {
    to = static_cast<T>(std::get<std::uint64_t>(from));  // numbers, and enums by index
  }
}

}  // namespace detail

/// `store` of a member of settings, or of a member of one of its groups.
template <auto Member>
void into(settings& s, const value& v) {
  detail::assign(s.*Member, v);
}
template <auto Group, auto Member>
void into(settings& s, const value& v) {
  detail::assign((s.*Group).*Member, v);
}

}  // namespace social::config
