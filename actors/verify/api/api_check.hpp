// One check of the api store; see verify_api_store.
#pragma once

#include "actors/domain/comment/state.hpp"
#include "actors/domain/post/state.hpp"
#include "actors/domain/user/state.hpp"
#include "actors/verify/api/api_store.hpp"
#include "actors/verify/fingerprint.hpp"
#include "actors/verify/id_set.hpp"
#include "actors/verify/table_scan.hpp"

namespace social::verify {

/// Owned and used by one thread, for one check. State rows are walked once, users first, then posts, then comments,
/// with the tables that lie in the order of users and posts beside them. Tables in another order are compared by
/// fingerprint, and looked through one by one only where those differ.
class api_check {
 public:
  explicit api_check(const store_view& store);
  api_summary run();

 private:
  void walk_state();
  void check_user(const ports::scanned_row& row);
  void check_post(const ports::scanned_row& row);
  void check_comment(const ports::scanned_row& row);
  std::uint64_t check_likes(id_t post);
  std::uint64_t check_comment_list(id_t post, id_t owner);
  void check_counts(id_t post, std::uint64_t likes, std::uint64_t comments);
  void check_orphans();
  void check_person(const domain::row_key& at, const domain::person& who, const char* part);
  [[nodiscard]] bool same_shard(id_t one, id_t other) const;

  void check_emails();
  void explain_emails();
  void check_post_lists();
  void explain_post_lists();
  void explain_comment_lists();
  void check_connections();
  void check_connection(const ports::scanned_row& row);
  void check_idempotency();
  void check_cursors();

  const store_view& store_;
  api_summary summary_;
  id_set users_;
  id_set posts_;
  table_scan generations_;
  table_scan counts_;
  table_scan likes_;
  table_scan comment_lists_;
  // What the state rows say, and what the tables hold.
  fingerprint emails_wanted_;
  fingerprint emails_there_;
  fingerprint post_lists_wanted_;
  fingerprint post_lists_there_;
  fingerprint comment_lists_wanted_;
  fingerprint comment_lists_there_;
};

}  // namespace social::verify
