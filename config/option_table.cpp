#include <algorithm>

#include "config/options.hpp"

namespace social::config {
namespace {

using s = settings;

constexpr std::uint64_t mib = 1024 * 1024;
constexpr std::uint64_t second = 1000;
constexpr std::uint64_t minute = 60 * second;
constexpr std::uint64_t hour = 60 * minute;

std::string as_many_as_cpus(const default_facts& facts, const settings&) {
  return std::to_string(std::min<std::uint64_t>(facts.cpus, 256));
}

/// Two executables on one machine and one data directory start without a conflict.
std::string admin_port(const default_facts& facts, const settings&) {
  return facts.self == executable::push ? "9091" : "9090";
}

/// Not known before the listener is bound when the port is 0.
std::string public_url(const default_facts&, const settings& so_far) {
  return so_far.http.port == 0 ? "" : public_url_for(so_far.http, so_far.http.port);
}

std::string vapid_directory(const default_facts&, const settings& so_far) {
  return (so_far.data / "secrets" / "vapid").string();
}

std::string jwt_key_file(const default_facts&, const settings& so_far) {
  return (so_far.data / "secrets" / "jwt.key").string();
}

constexpr std::array general = {
    option{.name = "config",
           .kind = value_kind::path,
           .help = "TOML file with options",
           .reason = "none: the defaults serve",
           .store = into<&s::config_file>,
           .only_arguments = true},
    option{.name = "data",
           .kind = value_kind::path,
           .fallback = "./data",
           .help = "everything durable is below it",
           .reason = "a first try leaves nothing elsewhere",
           .store = into<&s::data>},
    option{.name = "roles",
           .kind = value_kind::role_list,
           .taken_by = only_server,
           .fallback = "api,push",
           .help = "roles of this process",
           .reason = "one process does everything",
           .store = into<&s::roles>},
    option{.name = "http.address",
           .kind = value_kind::address,
           .taken_by = with_api,
           .fallback = "127.0.0.1",
           .help = "address of the public API and web page",
           .reason = "nobody from outside reaches it before that is wanted",
           .store = into<&s::http, &http_settings::address>},
    option{.name = "http.port",
           .kind = value_kind::count,
           .taken_by = with_api,
           .fallback = "8080",
           .help = "its port; 0: a free one",
           .reason = "needs no privileges",
           .store = into<&s::http, &http_settings::port>,
           .maximum = 65535,
           .unit = "port"},
    option{.name = "http.threads",
           .kind = value_kind::count,
           .help = "threads that serve connections",
           .reason = "the CPU quota: they never block",
           .store = into<&s::http, &http_settings::threads>,
           .minimum = 1,
           .maximum = 256,
           .unit = "threads",
           .computed_fallback = as_many_as_cpus},
    option{.name = "http.public-url",
           .kind = value_kind::base_url,
           .taken_by = with_api,
           .help = "what links, images and notifications carry",
           .reason = "from address and port",
           .store = into<&s::http, &http_settings::public_url>,
           .computed_fallback = public_url},
    option{.name = "http.trusted-proxy",
           .kind = value_kind::address_range,
           .taken_by = with_api,
           .help = "address range whose X-Forwarded-For is believed",
           .reason = "none: trust is never assumed",
           .store = into<&s::http, &http_settings::trusted_proxies>,
           .repeatable = true},
    option{.name = "actors.threads",
           .kind = value_kind::count,
           .help = "threads that run actors",
           .reason = "the CPU quota: they never block",
           .store = into<&s::actor_threads>,
           .minimum = 1,
           .maximum = 256,
           .unit = "threads",
           .computed_fallback = as_many_as_cpus},
    option{.name = "admin.address",
           .kind = value_kind::address,
           .fallback = "127.0.0.1",
           .help = "address of the admin API and metrics",
           .reason = "loopback: it shows what goes on inside",
           .store = into<&s::admin, &admin_settings::address>},
    option{.name = "admin.port",
           .kind = value_kind::count,
           .help = "its port; 0: a free one",
           .reason = "needs no privileges",
           .store = into<&s::admin, &admin_settings::port>,
           .maximum = 65535,
           .unit = "port",
           .computed_fallback = admin_port},
    option{.name = "admin.metrics-auth",
           .kind = value_kind::toggle,
           .fallback = "off",
           .help = "want the admin token for /metrics, too",
           .reason = "collectors on loopback need none",
           .store = into<&s::admin, &admin_settings::metrics_auth>},
    option{.name = "durability",
           .kind = value_kind::choice,
           .fallback = "sync",
           .help = "async: acknowledge before fsync",
           .reason = "what was acknowledged survives a power cut",
           .store = into<&s::durability>,
           .choices = "sync|async"},
    option{.name = "shards",
           .kind = value_kind::count,
           .fallback = "64",
           .help = "fixed when the store is made",
           .reason = "enough for a cluster of dozens of nodes, few enough to list",
           .store = into<&s::shards>,
           .minimum = 1,
           .maximum = 4096,
           .unit = "shards"},
    option{.name = "push.off",
           .kind = value_kind::toggle,
           .fallback = "false",
           .help = "nobody consumes events for push",
           .reason = "push is what the server is for",
           .store = into<&s::push, &push_settings::off>},
    option{.name = "push.mode",
           .kind = value_kind::choice,
           .fallback = "webpush",
           .help = "console: print the line, send nothing",
           .reason = "console is for trying it out",
           .store = into<&s::push, &push_settings::mode>,
           .choices = "webpush|console"},
    option{.name = "push.subject",
           .kind = value_kind::contact,
           .help = "mailto: or https: contact; deliveries to public push services wait until it is set",
           .reason = "empty: nobody can be named without being asked",
           .store = into<&s::push, &push_settings::subject>},
    option{.name = "push.allow-origin",
           .kind = value_kind::origin,
           .help = "an origin exempt from the address check; http: is allowed here only",
           .reason = "none: requests to inner addresses are refused",
           .store = into<&s::push, &push_settings::allow_origins>,
           .repeatable = true},
    option{.name = "push.ca-file",
           .kind = value_kind::path,
           .help = "PEM file with one or more further certificate authorities",
           .reason = "the system's are enough",
           .store = into<&s::push, &push_settings::ca_files>,
           .repeatable = true},
    option{.name = "push.ttl",
           .kind = value_kind::duration,
           .fallback = "48h",
           .help = "life of a message",
           .reason = "a weekend without a phone; older news is none",
           .store = into<&s::push, &push_settings::ttl>,
           .minimum = second,
           .maximum = 28 * 24 * hour},
    option{.name = "push.vapid-dir",
           .kind = value_kind::path,
           .help = "VAPID keys, shared by all push processes",
           .reason = "below the data directory",
           .store = into<&s::push, &push_settings::vapid_dir>,
           .computed_fallback = vapid_directory},
    option{.name = "push.join-audience",
           .kind = value_kind::choice,
           .fallback = "everyone",
           .help = "who hears of a new member",
           .reason = "people welcome each other while a community is small",
           .store = into<&s::push, &push_settings::audience>,
           .choices = "everyone|none"},
    option{.name = "push.join-interval",
           .kind = value_kind::duration,
           .fallback = "10m",
           .help = "at most one join push per device in this time; 0s: each",
           .reason = "many joins become one message",
           .store = into<&s::push, &push_settings::join_interval>,
           .maximum = 24 * hour},
    option{.name = "auth.token-ttl",
           .kind = value_kind::duration,
           .taken_by = with_api,
           .fallback = "24h",
           .help = "life of a token",
           .reason = "renewed in its last tenth, so daily visitors stay signed in",
           .store = into<&s::auth, &auth_settings::token_ttl>,
           .minimum = second,
           .maximum = 366 * 24 * hour},
    option{.name = "auth.jwt-key-file",
           .kind = value_kind::path,
           .taken_by = with_api,
           .help = "signing key, shared by all api nodes",
           .reason = "below the data directory",
           .store = into<&s::auth, &auth_settings::jwt_key_file>,
           .computed_fallback = jwt_key_file},
    option{.name = "auth.argon2-memory",
           .kind = value_kind::size,
           .taken_by = with_api,
           .fallback = "19MiB",
           .help = "memory of one password hash",
           .reason = "OWASP's choice for Argon2id with 2 passes",
           .store = into<&s::auth, &auth_settings::argon2_memory_bytes>,
           .minimum = 8 * mib,
           .maximum = 1024 * mib},
    option{.name = "auth.argon2-passes",
           .kind = value_kind::count,
           .taken_by = with_api,
           .fallback = "2",
           .help = "passes of one password hash",
           .reason = "OWASP's choice for Argon2id with 19 MiB",
           .store = into<&s::auth, &auth_settings::argon2_passes>,
           .minimum = 1,
           .maximum = 10,
           .unit = "passes"},
    option{.name = "log.level",
           .kind = value_kind::choice,
           .fallback = "info",
           .help = "least urgent line on stderr",
           .reason = "what an operator acts on",
           .store = into<&s::log, &log_settings::level>,
           .choices = "trace|debug|info|warning|error"},
    option{.name = "log.format",
           .kind = value_kind::choice,
           .fallback = "text",
           .help = "json: one object per line",
           .reason = "people read it first",
           .store = into<&s::log, &log_settings::format>,
           .choices = "text|json"},
    option{.name = "shutdown.deadline",
           .kind = value_kind::duration,
           .fallback = "10s",
           .help = "time for an orderly stop",
           .reason = "what service managers wait for at least",
           .store = into<&s::shutdown_deadline>,
           .minimum = 100,
           .maximum = 10 * minute},
};

std::vector<option> all_options() {
  std::vector<option> all(general.begin(), general.end());
  const auto limits = limit_options();
  all.insert(all.end(), limits.begin(), limits.end());
  return all;
}

}  // namespace

std::span<const option> option_table() {
  static const std::vector<option> all = all_options();
  return all;
}

const option* find_option(std::string_view name) {
  const auto table = option_table();
  const auto found = std::ranges::find(table, name, &option::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace social::config
