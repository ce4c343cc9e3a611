// The public API as the listener sees it: who may call what, with what body.
#pragma once

#include <memory>
#include <string>

#include "http/api/api_counters.hpp"
#include "http/api/api_options.hpp"
#include "http/auth/services.hpp"
#include "http/gateway/backend.hpp"
#include "http/server/exchange.hpp"

namespace social::http {

struct api_core;
class call;

/// Owned by the composition root, which keeps it, the backend and the auth services alive until no request is under
/// way. Any thread. Commands and questions are asked on the I/O thread of their request, and, where a password is
/// involved (joining, signing in), on a thread of the password pool with that request's I/O index.
class api_handler final : public handler {
 public:
  api_handler(api_options options, backend& node, auth::services& auth);
  ~api_handler() override;

  head_decision decide(const request_head& head) override;
  void handle(std::shared_ptr<const request_head> head, std::string body, std::shared_ptr<void> state,
              respond answer) override;
  response refuse(const error& why, std::string_view request_id) override;

  [[nodiscard]] api_metrics metrics() const;

 private:
  std::unique_ptr<api_core> core_;
};

}  // namespace social::http
