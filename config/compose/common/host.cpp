#include "config/compose/common/host.hpp"

#include "actors/base/json_writer.hpp"
#include "actors/base/log.hpp"
#include "config/compose/common/backup_access.hpp"
#include "config/compose/common/http_metrics.hpp"
#include "config/compose/common/store_metrics.hpp"

namespace social::compose {
namespace {

constexpr std::size_t block_cache_bytes = std::size_t{64} << 20;
constexpr std::size_t write_buffer_bytes = std::size_t{64} << 20;

void log_of_store(const std::string& name, storage::log_level level, std::string_view message) {
  switch (level) {
    case storage::log_level::info:
      return log::info("storage", message, {{"store", name}});
    case storage::log_level::warning:
      return log::warning("storage", message, {{"store", name}});
    case storage::log_level::error:
      return log::error("storage", message, {{"store", name}});
  }
}

std::string shard_report(const std::vector<std::pair<std::string, storage::rocks_store*>>& stores) {
  std::string out;
  json_writer json(out);
  json.begin_array();
  for (const auto& [name, store] : stores) {
    const auto* journal = store->ports().log;
    for (shard_t shard = 0; shard < journal->shards(); ++shard)
      json.begin_object()
          .member("store", std::string_view(name))
          .member("shard", shard)
          .member("head", journal->head(shard))
          .member("oldest", journal->oldest(shard))
          .end_object();
  }
  json.end_array();
  return out;
}

}  // namespace

error cannot_listen(const error& why, std::string_view listener) {
  const std::string options = "--" + std::string(listener);
  return {error_code::unavailable,
          std::string(why.text()) + "; give another with " + options + ".address or " + options + ".port"};
}

std::string url_of(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

result<std::unique_ptr<host>> host::make(const config::settings& settings, host_overrides overrides) {
  auto data = config::data_directory::open(settings.data);
  if (!data) return data.error();
  auto token = data->admin_token();
  if (!token) return token.error();
  return std::unique_ptr<host>(new host(settings, std::move(overrides), std::move(*data), std::move(*token)));
}

host::host(const config::settings& s, host_overrides overrides, config::data_directory data, std::string admin_token)
    : settings(s),
      node({.threads = s.actor_threads}, [this] { return clock.now(); }),
      inspector(node),
      overrides_(std::move(overrides)),
      data_(std::move(data)),
      admin_token_(std::move(admin_token)),
      backups_({data_.root(), s.auth.jwt_key_file, s.push.vapid_dir}),
      memory_(storage::make_memory_budget(block_cache_bytes, write_buffer_bytes)) {}

host::~host() {
  stop_backup();
  stop_admin();
  inspector.stop();
}

result<opened_store> host::open_store(const std::string& name, const std::filesystem::path& directory) {
  storage::storage_options options;
  options.path = directory;
  options.shards = settings.shards;
  options.mode =
      settings.durability == config::durability::sync ? storage::durability::sync : storage::durability::async;
  options.commit_queue_max = settings.limits.commit_queue_commands;
  options.memory = memory_;
  if (name != "api") options.hot_rows_max = 0;  // people and connections are there
  options.log = [name](storage::log_level level, std::string_view message) { log_of_store(name, level, message); };
  if (overrides_.store_options) overrides_.store_options(name, options);
  auto opened = storage::rocks_store::open(options);
  if (!opened) return opened.error();
  auto* store = opened->get();
  inspector.add_metrics([store, name](inspect::metric_sink& sink) { collect_store(*store, name, sink); });
  inspector.add_checks([store, name] {
    const auto readiness = store->readiness();
    return std::vector<protocol::readiness_check>{{name + "-store", readiness.accepting, false, readiness.reason}};
  });
  stores_.emplace_back(name, store);
  // The store is locked by this process: what lies there is of one that was killed.
  backup::remove_leftovers(data_.root(), name);
  backups_.add({{name, store->ports().log->store_id(), settings.shards},
                [store](const std::filesystem::path& to) { return store->copy_to(to); }});
  opened_store out{std::move(*opened), store->ports()};
  if (!overrides_.journal) return out;
  if (auto journal = overrides_.journal(name, *out.ports.log)) {
    out.ports.log = journal.get();
    journals_.push_back(std::move(journal));
  }
  return out;
}

result<void> host::start_admin() {
  inspector.add_report("shards", [this] { return shard_report(stores_); });
  inspector.add_metrics([this](inspect::metric_sink& sink) { collect_backups(backups_.statistics(), sink); });
  admin_ = std::make_unique<http::admin::admin_handler>(
      http::admin::admin_options{.address = settings.admin.address,
                                 .host_names = {},
                                 .token = admin_token_,
                                 .metrics_auth = settings.admin.metrics_auth,
                                 .write = settings.admin.write,
                                 .actors_limit_max = settings.limits.actors_listed},
      inspector, backup_action(backups_));
  http::server_options options;
  options.address = settings.admin.address;
  options.port = settings.admin.port;
  options.thread_name = "admin";
  options.connections_max = 256;
  admin_server_ = std::make_unique<http::server>(options, *admin_);
  const auto port = admin_server_->start();
  if (!port) return cannot_listen(port.error(), "admin");
  admin_url_ = url_of(settings.admin.address, *port);
  return {};
}

void host::stop_admin() {
  if (admin_server_) admin_server_->stop();
  admin_server_.reset();
}

}  // namespace social::compose
