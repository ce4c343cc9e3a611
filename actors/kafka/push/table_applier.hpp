// Makes this process' Subscriptions what the table says: takes its records in order, and remembers how far.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/kafka/push/subscription_commands.hpp"
#include "actors/kafka/push/table_progress.hpp"
#include "actors/kafka/push/table_record.hpp"
#include "actors/kafka/rare_line.hpp"

namespace social::kafka {

struct applier_options {
  std::size_t under_way_max = 256;  ///< commands
  /// A record whose command fails for no reason of the store (a damaged row) is left behind after so many attempts.
  std::size_t attempts_max = 20;
};

/// Runs on the reader's thread, which it blocks. Records of one endpoint take effect one after the other, those of
/// different endpoints side by side. Any record may come again.
class table_applier {
 public:
  table_applier(ports::store store, const ports::clock& clock, table_progress& progress,
                subscription_commands& commands, applier_options options = {});

  /// Done when everything that follows is durable, and the positions are written. An error: a failure of ours; the same
  /// records are to come again.
  result<void> take(const std::vector<received>& records);

  [[nodiscard]] std::uint64_t applied() const { return applied_; }
  [[nodiscard]] std::uint64_t malformed() const { return malformed_; }

 private:
  struct step {
    topic_partition where;
    std::int64_t offset = 0;
    table_change change;
  };
  /// What is to be done about one endpoint, in order.
  struct chain {
    std::deque<step> steps;
  };
  struct prepared_command {
    id_t user = 0;
    domain::subscription::command what;
  };
  using chains = std::vector<chain>;

  result<void> note_new_table(const std::vector<received>& records);
  chains sorted(const std::vector<received>& records);
  result<void> run(chains& all);
  /// Goes on with a chain until a command is under way or nothing is left. Errors: what reading met.
  result<void> advance(std::size_t number, chain& what);
  result<std::optional<prepared_command>> command_for(const step& next) const;
  result<void> on_ended(chain& what, const result<void>& outcome);
  void leave_behind(const topic_partition& where, std::int64_t offset, const error& why);

  const ports::store store_;
  const ports::clock& clock_;
  table_progress& progress_;
  subscription_commands& commands_;
  const applier_options options_;
  std::map<std::int32_t, std::int64_t> next_;  ///< by partition, since the start
  std::map<std::pair<topic_partition, std::int64_t>, std::size_t> attempts_;
  std::uint64_t left_behind_ = 0;  ///< of the records at hand
  std::atomic<std::uint64_t> applied_{0};
  std::atomic<std::uint64_t> malformed_{0};
  rare_line malformed_line_;
};

}  // namespace social::kafka
