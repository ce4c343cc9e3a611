// What a check of a stopped store found wrong, said to the operator.
#pragma once

#include <functional>
#include <string>

#include "actors/base/ids.hpp"
#include "actors/domain/aggregate.hpp"
#include "actors/domain/row.hpp"

namespace social::ports {

struct finding {
  std::string kind;    ///< the check that failed, one word
  std::string key;     ///< the row or journal record, as `name_of` says it; or a file
  std::string reason;  ///< a sentence without a full stop
};
/// Called once for each finding, in no promised order.
using finding_sink = std::function<void(finding)>;

/// `state/post/130`, `like/130/65`, `email/0/0/ann@example.com`: table, a, b and text. Text that is not printable
/// ASCII without spaces is written as hexadecimal digits after `0x`.
std::string name_of(const domain::row_key& key);
/// `journal/<shard>/<sequence>`.
std::string name_of_record(shard_t shard, std::uint64_t sequence);
/// `user`, `post`, ... or `kind-<number>`.
std::string name_of(domain::aggregate_kind kind);

}  // namespace social::ports
