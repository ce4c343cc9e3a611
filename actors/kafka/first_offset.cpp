#include "actors/kafka/first_offset.hpp"

#include <algorithm>
#include <limits>

#include "actors/base/log.hpp"

namespace social::kafka {
namespace {

std::optional<std::int64_t> wanted_offset(const log_reader_options& options, const topic_partition& where,
                                          bool added_later, const kept_offsets& kept) {
  using from = log_reader_options::from;
  switch (options.start) {
    case from::end:
      return added_later ? std::nullopt : std::optional(kept.end);
    case from::positions:
      return options.position_of ? options.position_of(where) : std::nullopt;
    case from::newest: {
      constexpr auto most = std::size_t{std::numeric_limits<std::int32_t>::max()};
      return std::max(kept.oldest, kept.end - static_cast<std::int64_t>(std::min(options.newest_records, most)));
    }
  }
  return std::nullopt;
}

}  // namespace

std::int64_t first_offset(const log_reader_options& options, const topic_partition& where,
                          std::optional<std::int64_t> next, bool added_later, const kept_offsets& kept) {
  const auto wanted = next ? next : wanted_offset(options, where, added_later, kept);
  if (!wanted) return kept.oldest;
  if (*wanted >= kept.oldest && *wanted <= kept.end) return *wanted;
  log::error("kafka",
             *wanted < kept.oldest ? "records were gone before they could be read; the oldest kept are read"
                                   : "a partition ends before the position it was read to: its topic was made anew; "
                                     "it is read from its beginning",
             {{"reader", options.name},
              {"topic", where.topic},
              {"partition", where.partition},
              {"position", *wanted},
              {"oldest", kept.oldest},
              {"end", kept.end}});
  return kept.oldest;
}

}  // namespace social::kafka
