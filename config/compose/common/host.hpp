// What all roles of one process share: the data directory, the actor system, memory, the admin listener.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/inspect/inspector.hpp"
#include "actors/runtime/node.hpp"
#include "config/backup/keeper.hpp"
#include "config/compose/common/system_ports.hpp"
#include "config/data_directory.hpp"
#include "config/process.hpp"
#include "config/settings.hpp"
#include "http/admin/admin_handler.hpp"
#include "http/server/server.hpp"
#include "storage/store.hpp"

namespace social::compose {

/// Parts that test executables put in the place of the machine's; product mains leave all empty. `store` is the name
/// given to host::open_store.
struct host_overrides {
  /// Changes how a store is opened, such as the file system below it.
  std::function<void(const std::string& store, storage::storage_options& options)> store_options;
  /// Stands between the roles and a store's journal; null: nothing does. The host keeps it until its own end.
  std::function<std::unique_ptr<ports::journal>(const std::string& store, ports::journal& real)> journal;
};

/// A store, and its ports as the roles use them. Both are valid until the store's destruction.
struct opened_store {
  std::unique_ptr<storage::rocks_store> store;
  ports::store ports;
};

/// Owned by main(); outlives the roles.
class host {
 public:
  /// Opens the data directory and starts the actor system. Errors: io_error and the like, exit 3.
  static result<std::unique_ptr<host>> make(const config::settings& settings, host_overrides overrides = {});
  ~host();

  /// A store below the data directory, with its metrics and readiness registered under that name. The caller owns it
  /// and keeps it alive until the admin listener has stopped.
  result<opened_store> open_store(const std::string& name, const std::filesystem::path& directory);
  /// Starts the admin listener after all roles have registered what they tell. Errors: io_error names the address.
  result<void> start_admin();
  /// Gives up a backup that is being made; no other is begun. Before the stores close.
  void stop_backup() { backups_.stop(); }
  void stop_admin();
  [[nodiscard]] std::string admin_url() const { return admin_url_; }

  const config::settings& settings;
  system_clock clock;
  system_random random;
  runtime::node node;
  inspect::inspector inspector;

  [[nodiscard]] const config::data_directory& data() const { return data_; }

 private:
  host(const config::settings& settings, host_overrides overrides, config::data_directory data,
       std::string admin_token);

  const host_overrides overrides_;
  config::data_directory data_;
  std::string admin_token_;
  backup::keeper backups_;
  std::shared_ptr<storage::memory_budget> memory_;
  std::vector<std::pair<std::string, storage::rocks_store*>> stores_;  ///< for reports
  std::vector<std::unique_ptr<ports::journal>> journals_;              ///< made by the overrides
  std::unique_ptr<http::admin::admin_handler> admin_;
  std::unique_ptr<http::server> admin_server_;
  std::string admin_url_;
};

/// A listener that cannot be had is no fault of the data directory: exit 1. `listener`: "http" or "admin", as in
/// options.
error cannot_listen(const error& why, std::string_view listener);

/// `http://127.0.0.1:8080`; an IPv6 address in brackets.
std::string url_of(const std::string& address, std::uint16_t port);

}  // namespace social::compose
