// One check of the push store; see verify_push_store.
#pragma once

#include <optional>

#include "actors/domain/subscription/state.hpp"
#include "actors/push/rows.hpp"
#include "actors/verify/fingerprint.hpp"
#include "actors/verify/id_set.hpp"
#include "actors/verify/push/push_store.hpp"
#include "actors/verify/table_scan.hpp"

namespace social::verify {

/// Owned and used by one thread, for one check. Tables in the order of users are walked beside the states; tables in
/// another order are compared by fingerprint, and looked through one by one only where those differ.
class push_check {
 public:
  push_check(const store_view& store, const ports::journal* api_log);
  push_summary run();

 private:
  void walk_state();
  void check_state(const ports::scanned_row& row);
  void check_device(const domain::row_key& at, const domain::subscription::device& d);

  void check_endpoints();
  void explain_endpoints();
  void check_deliveries();
  void check_delivery(const ports::scanned_row& row);
  void check_due(const ports::scanned_row& row);
  void explain_deliveries();
  void check_gathering();
  void check_seen();
  void explain_seen();
  void check_jobs();
  void check_logs();
  void check_cursors();
  [[nodiscard]] bool is_there(const domain::row_key& key) const;

  const store_view& store_;
  const ports::journal* api_log_;
  push_summary summary_;
  id_set users_;  ///< with a subscription state
  table_scan subscribers_;
  // What one side says, and what the other holds.
  fingerprint endpoints_wanted_;
  fingerprint endpoints_there_;
  fingerprint due_wanted_;
  fingerprint due_there_;
  fingerprint seen_wanted_;
  fingerprint seen_there_;
};

}  // namespace social::verify
