// What could not be delivered inside the node, counted by reason, the newest kept.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"

namespace social::runtime {

struct dead_letter {
  timestamp_t at = 0;
  std::string reason;   ///< late_reply, mailbox_full, queue_full, actor_gone, unexpected_message, view_shed, ...
  std::string from;     ///< kind and id of the actor concerned
  std::string message;  ///< type of the message
};

/// Owned by the node; any thread.
class dead_letter_office {
 public:
  explicit dead_letter_office(std::size_t kept_max = 1000) : kept_max_(kept_max) {}
  /// `times`: how many messages this one letter stands for.
  void add(dead_letter letter, std::uint64_t times = 1);
  [[nodiscard]] std::map<std::string, std::uint64_t> counts() const;
  /// Newest first.
  [[nodiscard]] std::vector<dead_letter> newest(std::size_t limit) const;

 private:
  const std::size_t kept_max_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
  std::deque<dead_letter> kept_;
};

}  // namespace social::runtime
