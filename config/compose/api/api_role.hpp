// The api role: its store, the region of User, Post and Comment, the public HTTP API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/events/retention.hpp"
#include "config/compose/common/host.hpp"
#include "http/gateway/gateway.hpp"

namespace social::compose {

/// The push role as the api role asks it; empty functions: it is not here.
struct push_access {
  decltype(http::gateway_routes::subscribe) subscribe;
  decltype(http::gateway_routes::remove_device) remove_device;
  decltype(http::gateway_routes::push_key) push_key;
};

/// Owned by main(). Order: open, start, ..., stop, destruction.
class api_role {
 public:
  /// Opens the store and starts the actors. Errors of the store or the secrets: exit 3.
  static result<std::unique_ptr<api_role>> open(host& on);
  ~api_role();

  /// Starts to serve HTTP. Errors: io_error names the address.
  result<void> start(push_access push);
  [[nodiscard]] const std::string& url() const;
  /// What links carry.
  [[nodiscard]] const std::string& public_url() const;
  [[nodiscard]] ports::store store();
  /// Begins to shorten the journal, which is kept for these readers. Their stores outlive `stop`.
  void keep_journal(std::vector<events::journal_holder> readers);

  /// Stops accepting, lets requests finish, ends the actors; `deadline` for all of it. False: it was cut short.
  bool stop(std::chrono::milliseconds deadline);
  void close_store();

 private:
  struct parts;
  explicit api_role(std::unique_ptr<parts> parts);
  std::unique_ptr<parts> parts_;
};

}  // namespace social::compose
