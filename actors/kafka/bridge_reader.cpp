#include "actors/kafka/bridge_reader.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "actors/base/log.hpp"

namespace social::kafka {
namespace {

std::string event_id(shard_t shard, std::uint64_t sequence) {
  return std::to_string(shard) + "-" + std::to_string(sequence);
}

std::uint64_t end_of(const ports::journal_record& record) {
  return record.first_sequence + record.events.size() - 1;
}

}  // namespace

bridge_reader::bridge_reader(const bridge_options& options, const ports::journal& source, const ports::clock& clock,
                             publish_function project, runtime::node_context& node)
    : options_(options),
      source_(source),
      clock_(clock),
      project_(std::move(project)),
      node_(node),
      shards_(source.shards()) {
  for (auto& of : shards_) of.records_max = options_.read_records_max;
}

bool bridge_reader::take_piece(publish_window& window) {
  for (shard_t i = 0; i < window.shards(); ++i) {
    const auto shard = static_cast<shard_t>((next_shard_ + i) % window.shards());
    if (!may_read(shard, window) || !read(shard, window)) continue;
    next_shard_ = static_cast<shard_t>((shard + 1) % window.shards());
    return true;
  }
  return false;
}

void bridge_reader::pop(publish_window& window) {
  if (++next_ < made_.size()) return window.reached(shard_, front()->sequence - 1);
  window.reached(shard_, end_of(piece_[record_++]));
  make_next(window);
}

void bridge_reader::drop() {
  piece_size_ = 0;
  record_ = 0;
  made_.clear();
  next_ = 0;
}

std::string bridge_reader::trouble() const {
  const auto failed = std::ranges::find_if(shards_, [](const auto& of) { return of.rest_ms != 0; });
  return failed == shards_.end() ? std::string() : failed->failure;
}

std::optional<timestamp_t> bridge_reader::oldest(const publish_window& window) const {
  std::optional<timestamp_t> found;
  for (shard_t shard = 0; shard < window.shards(); ++shard) {
    if (source_.head(shard) <= window.cursor(shard)) continue;
    const auto first = source_.read(shard, window.cursor(shard), 1, 1);
    if (first && !first->empty()) found = std::min(found.value_or(first->front().time), first->front().time);
  }
  return found;
}

bool bridge_reader::may_read(shard_t shard, const publish_window& window) {
  auto& of = shards_[shard];
  const auto head = source_.head(shard);
  const auto position = window.reached(shard);
  // An operator restored a store without its twin, or the stores do not belong together.
  if (position > head && !std::exchange(of.ahead, true)) {
    ++numbers_.ahead;
    log::error("kafka", "a cursor is ahead of the journal; its shard is not published",
               {{"outbox", options_.name}, {"shard", shard}, {"cursor", position}, {"head", head}});
  }
  if (of.ahead || position == head) return false;
  return of.rest_ms == 0 || clock_.monotonic_us() >= of.rest_until_us;
}

void bridge_reader::skip_gone(shard_t shard, publish_window& window) {
  const auto oldest = source_.oldest(shard);
  const auto position = window.reached(shard);
  if (oldest == 0 || position + 1 >= oldest) return;
  log::error("kafka", "events were gone before they could be published",
             {{"outbox", options_.name}, {"shard", shard}, {"skipped", oldest - position - 1}});
  numbers_.skipped += oldest - position - 1;
  window.reached(shard, oldest - 1);
}

bool bridge_reader::read(shard_t shard, publish_window& window) {
  skip_gone(shard, window);
  auto& of = shards_[shard];
  drop();
  const auto read = source_.read_over(shard, window.reached(shard), of.records_max, options_.read_bytes_max, piece_);
  if (!read) {
    rest(shard, std::string(read.error().text()));
    return false;
  }
  if (std::exchange(of.rest_ms, 0) != 0)
    log::info("kafka", "the journal can be read again", {{"outbox", options_.name}, {"shard", shard}});
  of.records_max = std::min(of.records_max * 2, options_.read_records_max);
  if (*read == 0) return false;
  shard_ = shard;
  piece_size_ = *read;
  make_next(window);
  return true;
}

/// Passes over records that give nothing to send.
void bridge_reader::make_next(publish_window& window) {
  for (; record_ < piece_size_; ++record_) {
    made_.clear();
    next_ = 0;
    project(piece_[record_]);
    // A position may lie inside a record: what is before it has been acknowledged.
    while (next_ < made_.size() && made_[next_].sequence <= window.reached(shard_)) ++next_;
    if (next_ < made_.size()) return window.reached(shard_, front()->sequence - 1);
    window.reached(shard_, end_of(piece_[record_]));
  }
}

void bridge_reader::rest(shard_t shard, std::string why) {
  auto& of = shards_[shard];
  if (of.rest_ms == 0)
    log::warning("kafka", "the journal cannot be read; it is tried again",
                 {{"outbox", options_.name}, {"shard", shard}, {"reason", why}});
  of.failure = std::move(why);
  of.records_max = std::max<std::size_t>(of.records_max / 2, 1);
  of.rest_ms = of.rest_ms == 0 ? options_.retry_ms : std::min(of.rest_ms * 2, options_.retry_max_ms);
  of.rest_until_us = clock_.monotonic_us() + of.rest_ms * 1000;
}

void bridge_reader::project(const ports::journal_record& record) {
  try {
    const auto outcome = project_(record, made_);
    if (!outcome) left_behind(record, outcome.error().text());
  } catch (const std::exception& thrown) {
    left_behind(record, thrown.what());
  } catch (...) {
    left_behind(record, "an exception of no known type");
  }
}

/// A defect, or a damaged store. The record stays in the journal, where its id says.
void bridge_reader::left_behind(const ports::journal_record& record, std::string_view why) {
  auto& complained_of = shards_[record.shard].complained_of;
  if (record.first_sequence <= complained_of) return;
  complained_of = record.first_sequence;
  ++numbers_.undecodable;
  const auto id = event_id(record.shard, record.first_sequence);
  log::error("kafka", "an event cannot be published and is left behind",
             {{"outbox", options_.name}, {"record", id}, {"reason", why}});
  node_.dead_letters.add({node_.now(), "undecodable_event", "kafka/" + options_.name, id + ": " + std::string(why)});
}

}  // namespace social::kafka
