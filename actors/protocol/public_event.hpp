// Domain events as the outside may see them: what goes to the push role and to Kafka. A projection of the journal's
// private events, fixed at commit. The push role sees only these and does not know where they came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/base/ids.hpp"

namespace social::protocol {

struct user_joined {
  id_t user_id = 0;
  std::string name;
};
struct post_liked {
  id_t post_id = 0;
  id_t post_writer_id = 0;
  id_t user_id = 0;  ///< who likes
  std::string name;
  std::string contents;  ///< first 120 characters of the post
};
struct comment_created {
  id_t post_id = 0;
  id_t post_writer_id = 0;
  id_t comment_id = 0;
  id_t user_id = 0;  ///< the commenter
  std::string commenter_name;
  std::string contents;
};
struct connection_requested {
  id_t user_id = 0;  ///< who acted: the asker
  id_t target_id = 0;
  std::string name;
};
struct connection_granted {
  id_t user_id = 0;  ///< who acted: the grantor
  id_t target_id = 0;
  std::string name;
};

/// Event types the push role wants. Others are not sent to it.
using push_event_body =
    std::variant<user_joined, post_liked, comment_created, connection_requested, connection_granted>;

struct push_event {
  std::string id;      ///< "<shard>-<sequence>", stable across re-sending
  std::string source;  ///< holds the random id of the store that it comes from
  timestamp_t time = 0;
  std::string trace;
  push_event_body body;

  /// `user-joined`, `post-liked`, ...
  [[nodiscard]] std::string_view type() const;
};

/// What `source` of the events of a store says, in this process and in Kafka (`ce_source`): "/social-server/<store
/// id>".
std::string event_source(std::string_view store_id);

}  // namespace social::protocol
