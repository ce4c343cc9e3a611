// Looking host names up on a few threads, so that a name that hangs stalls nobody else.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/push/transport.hpp"

namespace social::push {

/// Thread-safe. Callers of one name share one look-up; answers are kept for a short time, failures are not.
class transport_resolver {
 public:
  using callback = std::function<void(result<std::vector<ip_address>>)>;

  explicit transport_resolver(const transport_options& options);
  ~transport_resolver();
  transport_resolver(const transport_resolver&) = delete;
  transport_resolver& operator=(const transport_resolver&) = delete;

  /// `done` runs once, at once or on a look-up thread; not at all when `stop` comes first.
  void resolve(const std::string& host, callback done);
  /// The kept addresses did not answer: ask anew next time.
  void forget(const std::string& host);
  /// Drops what waits. Returns when no callback runs any more; a thread that hangs in a look-up is left behind and ends
  /// with it, touching nothing.
  void stop();

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

}  // namespace social::push
