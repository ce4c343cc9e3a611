// ports::store in memory, for tests: rows in an ordered map of encoded keys, a journal per shard, ids from 1.
// Everything is deterministic: nothing happens on its own. By default a commit is done inside `submit`; with
// `hold_commits` requests wait until the test calls `commit_next` or `commit_all`, which is how a test stands between a
// decision and its durability.
//
//   memory_store disk(64);
//   disk.hold_commits(true);
//   ... submit ...
//   disk.commit_all();                   // callbacks run on this thread
//   memory_store after(disk.crash());    // as reopened: waiting requests are gone, their callbacks never run
//   memory_store later(disk.power_cut());  // as above, and what was committed without fsync is gone, too
//
// Thread-safe; callbacks and watchers run outside the lock, on the thread that commits.
#pragma once

#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "actors/ports/store.hpp"

namespace social::test {

/// Bytes whose order is that of the table: table, a, b (descending where a table says "newest first"), text.
inline std::string encode_memory_key(const domain::row_key& key) {
  const bool newest_first = key.where == domain::table::post_of_owner || key.where == domain::table::comment_of_post;
  std::string out(1, static_cast<char>(key.where));
  for (const std::uint64_t part : {key.a, newest_first ? ~key.b : key.b})
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(part >> shift));
  return out + key.text;
}

class memory_store final : public ports::journal, public ports::row_reader, public ports::id_source {
 public:
  /// What a disk holds: what `crash` leaves and the next store starts with.
  struct image {
    struct row {
      domain::row_key key;
      std::string bytes;
    };
    shard_t shards = 0;
    std::string store_id;
    std::map<std::string, row> rows;
    std::map<shard_t, std::vector<ports::journal_record>> records;
    std::map<std::pair<domain::aggregate_kind, shard_t>, std::uint64_t> blocks;  ///< upper end of the ids synced
  };

  explicit memory_store(shard_t shards, std::string store_id = "memory-store") {
    image_.shards = shards;
    image_.store_id = std::move(store_id);
  }
  explicit memory_store(image disk) : image_(std::move(disk)) { next_id_ = image_.blocks; }

  [[nodiscard]] ports::store ports() { return {this, this, this}; }

  // --- what a test does to it
  // -----------------------------------------------------------------------------------------
  void hold_commits(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_ = hold;
  }
  /// False: nothing waits.
  bool commit_next() {
    std::optional<waiting> next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return false;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    commit(std::move(*next));
    return true;
  }
  /// The one that was submitted last: a store that keeps no order. False: nothing waits.
  bool commit_newest() {
    std::optional<waiting> next;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return false;
      next = std::move(queue_.back());
      queue_.pop_back();
    }
    commit(std::move(*next));
    return true;
  }
  /// Also those that callbacks submit meanwhile. Returns how many were committed.
  std::size_t commit_all() {
    std::size_t count = 0;
    while (commit_next()) ++count;
    return count;
  }
  [[nodiscard]] std::size_t waiting_commits() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  /// reserve() says no with this error until `accept`.
  void refuse(error why) {
    const std::lock_guard lock(mutex_);
    refusal_ = std::move(why);
  }
  void accept() {
    const std::lock_guard lock(mutex_);
    refusal_.reset();
  }
  /// The next `count` commits fail and the epoch grows with each; `written`: their rows are there nevertheless (an
  /// unknown outcome).
  void fail_commits(std::size_t count, error why, bool written = false) {
    const std::lock_guard lock(mutex_);
    failing_ = count;
    failure_ = std::move(why);
    failing_written_ = written;
  }
  /// Called for every read of the tier `cache_only`: true says would_block. Must not call the store.
  void cold_when(std::function<bool()> says) {
    const std::lock_guard lock(mutex_);
    cold_when_ = std::move(says);
  }
  /// As if a write that nobody here asked for had failed (one without fsync, in the background).
  void fail_in_the_background() {
    const std::lock_guard lock(mutex_);
    ++epoch_;
  }
  /// As above, and everything of these tables is lost with it.
  void lose_in_the_background(const std::set<domain::table>& tables) {
    const std::lock_guard lock(mutex_);
    ++epoch_;
    std::erase_if(image_.rows, [&](const auto& row) { return tables.contains(row.second.key.where); });
  }
  /// Ids are used up: `take` gives none until a refill, and refills wait for `finish_refills`.
  void hold_refills(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_refills_ = hold;
    if (hold) next_id_ = image_.blocks;
  }
  /// Ends the refills that wait, with this failure if there is one. Returns how many there were.
  std::size_t finish_refills(const std::optional<error>& failure = {}) {
    std::deque<waiting_refill> ended;
    {
      const std::lock_guard lock(mutex_);
      ended.swap(refills_);
      if (!failure)
        for (const auto& refill : ended) image_.blocks[refill.of] += 1024;
    }
    for (const auto& refill : ended) refill.done(failure ? result<void>(*failure) : result<void>());
    return ended.size();
  }
  /// Looks at what is committed without copying it.
  template <class Function>
  void look(const Function& at) const {
    const std::lock_guard lock(mutex_);
    at(image_);
  }
  /// Every read of the tier `cache_only` says would_block.
  void cold_cache(bool cold) {
    const std::lock_guard lock(mutex_);
    cold_ = cold;
  }
  /// Reads fail with this error until called with nothing.
  void fail_reads(std::optional<error> why) {
    const std::lock_guard lock(mutex_);
    read_failure_ = std::move(why);
  }
  /// Every read of the journal that this record is in fails, until it is mended.
  void damage_record(shard_t shard, std::uint64_t first_sequence) {
    const std::lock_guard lock(mutex_);
    damaged_.insert({shard, first_sequence});
  }
  /// The marker records of a restore (storage/backup.hpp).
  void skip_ahead(std::uint64_t sequences) {
    const std::lock_guard lock(mutex_);
    for (shard_t shard = 0; shard < image_.shards; ++shard)
      image_.records[shard].push_back({shard, head_of(shard) + sequences, 0, "", {{{}, 0, 1, ""}}});
  }
  void mend_records() {
    const std::lock_guard lock(mutex_);
    damaged_.clear();
  }
  /// What a killed process leaves: committed, synced or not.
  [[nodiscard]] image crash() const {
    const std::lock_guard lock(mutex_);
    return image_;
  }
  /// What a power cut leaves: everything up to the last synced commit.
  [[nodiscard]] image power_cut() const {
    const std::lock_guard lock(mutex_);
    image left = image_;
    for (auto undo = unsynced_.rbegin(); undo != unsynced_.rend(); ++undo) {
      for (auto change = undo->rows.rbegin(); change != undo->rows.rend(); ++change) apply(left, *change);
      if (undo->had_events) left.records[undo->shard].pop_back();
    }
    return left;
  }
  /// As rocks_store::trim_journal does.
  result<std::uint64_t> trim(shard_t shard, std::uint64_t hold, timestamp_t before, std::size_t records_max) {
    const std::lock_guard lock(mutex_);
    if (read_failure_) return *read_failure_;
    auto& records = image_.records[shard];
    std::uint64_t gone = 0;
    for (std::size_t seen = 0; seen < records_max && records.size() > 1; ++seen) {
      const auto& first = records.front();
      if (first.time >= before || first.first_sequence + first.events.size() - 1 > hold) break;
      gone += first.events.size();
      records.erase(records.begin());
    }
    return gone;
  }
  /// All rows of a table in key order.
  [[nodiscard]] std::vector<ports::scanned_row> table_rows(domain::table where) const {
    return scan_table(where, std::nullopt, std::numeric_limits<std::uint64_t>::max(),
                      std::numeric_limits<std::size_t>::max())
        .rows;
  }
  template <record T>
  [[nodiscard]] std::optional<T> row(const domain::row_key& key) const {
    const auto found = get(key, ports::read_tier::disk);
    if (found.what != ports::row_value::status::found) return std::nullopt;
    return decode_record<T>(found.bytes).value();
  }
  template <record T>
  void put(domain::row_key key, const T& value) {
    const std::lock_guard lock(mutex_);
    apply(image_, {std::move(key), encode_record(value)});
  }
  void erase(domain::row_key key) {
    const std::lock_guard lock(mutex_);
    apply(image_, {std::move(key), std::nullopt});
  }
  void put_bytes(domain::row_key key, std::string bytes) {
    const std::lock_guard lock(mutex_);
    apply(image_, {std::move(key), std::move(bytes)});
  }
  [[nodiscard]] std::size_t commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
  }
  [[nodiscard]] std::size_t synced_commits() const {
    const std::lock_guard lock(mutex_);
    return synced_commits_;
  }
  [[nodiscard]] std::size_t reserved() const {
    const std::lock_guard lock(mutex_);
    return reserved_;
  }

  // --- ports::journal
  // -------------------------------------------------------------------------------------------------
  bool reserve() override {
    const std::lock_guard lock(mutex_);
    if (refusal_) return false;
    ++reserved_;
    return true;
  }
  void release() override {
    const std::lock_guard lock(mutex_);
    take_place();
  }
  error refusal() const override {
    const std::lock_guard lock(mutex_);
    return refusal_.value_or(error{error_code::overloaded});
  }
  void submit(ports::commit_request request, ports::commit_callback done) override {
    {
      const std::lock_guard lock(mutex_);
      take_place();
      if (hold_ || !queue_.empty()) {
        queue_.push_back({std::move(request), std::move(done)});
        return;
      }
    }
    commit({std::move(request), std::move(done)});
  }
  result<std::vector<ports::journal_record>> read(shard_t shard, std::uint64_t after, std::size_t records_max,
                                                  std::size_t bytes_max) const override {
    const std::lock_guard lock(mutex_);
    if (read_failure_) return *read_failure_;
    std::vector<ports::journal_record> out;
    std::size_t bytes = 0;
    const auto found = image_.records.find(shard);
    if (found == image_.records.end()) return out;
    for (const auto& record : found->second) {
      if (record.first_sequence + record.events.size() - 1 <= after) continue;
      if (out.size() == records_max || (bytes >= bytes_max && !out.empty())) break;
      if (damaged_.contains({shard, record.first_sequence}))
        return error{error_code::corrupt_record,
                     "shard " + std::to_string(shard) + ", sequence " + std::to_string(record.first_sequence)};
      for (const auto& event : record.events) bytes += event.bytes.size();
      out.push_back(record);
    }
    return out;
  }
  std::uint64_t head(shard_t shard) const override {
    const std::lock_guard lock(mutex_);
    return head_of(shard);
  }
  std::uint64_t oldest(shard_t shard) const override {
    const std::lock_guard lock(mutex_);
    const auto found = image_.records.find(shard);
    return found == image_.records.end() || found->second.empty() ? 0 : found->second.front().first_sequence;
  }
  std::uint64_t watch(std::function<void()> moved) override {
    const std::lock_guard lock(mutex_);
    watchers_[++watcher_] = std::move(moved);
    return watcher_;
  }
  void unwatch(std::uint64_t watcher) override {
    const std::lock_guard lock(mutex_);
    watchers_.erase(watcher);
  }
  std::uint64_t epoch() const override {
    const std::lock_guard lock(mutex_);
    return epoch_;
  }
  shard_t shards() const override { return image_.shards; }
  const std::string& store_id() const override { return image_.store_id; }

  // --- ports::row_reader
  // ----------------------------------------------------------------------------------------------
  ports::row_value get(const domain::row_key& key, ports::read_tier tier,
                       const ports::snapshot* at = nullptr) const override {
    const std::lock_guard lock(mutex_);
    if (const auto no = unreadable(tier)) return {*no, {}, read_failure_.value_or(error{})};
    const auto& rows = rows_at(at);
    const auto found = rows.find(encode_memory_key(key));
    if (found == rows.end()) return {};
    return {ports::row_value::status::found, found->second.bytes, {}};
  }
  std::vector<ports::row_value> get_many(const std::vector<domain::row_key>& keys, ports::read_tier tier,
                                         const ports::snapshot* at = nullptr) const override {
    std::vector<ports::row_value> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(get(key, tier, at));
    return out;
  }
  ports::scan_result scan(const ports::scan_request& request, ports::read_tier tier,
                          const ports::snapshot* at = nullptr) const override {
    const std::lock_guard lock(mutex_);
    if (const auto no = unreadable(tier)) return {*no, {}, read_failure_.value_or(error{})};
    ports::scan_result out;
    const auto& rows = rows_at(at);
    std::size_t skipped = 0;
    for (auto i = rows.lower_bound(encode_memory_key({request.where, request.a, first_b(request.where), {}}));
         i != rows.end() && i->second.key.where == request.where && i->second.key.a == request.a; ++i) {
      if (request.after_b && !comes_after(request.where, i->second.key.b, *request.after_b)) continue;
      if (skipped < request.skip) {
        ++skipped;
        continue;
      }
      if (out.rows.size() == request.rows_max) break;
      out.rows.push_back({i->second.key, i->second.bytes});
    }
    return out;
  }
  ports::scan_result scan_table(domain::table where, const std::optional<domain::row_key>& after, std::uint64_t a_max,
                                std::size_t rows_max, const ports::snapshot* at = nullptr) const override {
    const std::lock_guard lock(mutex_);
    if (const auto no = unreadable(ports::read_tier::disk)) return {*no, {}, read_failure_.value_or(error{})};
    ports::scan_result out;
    const auto& rows = rows_at(at);
    auto i = after ? rows.upper_bound(encode_memory_key(*after))
                   : rows.lower_bound(std::string(1, static_cast<char>(where)));
    for (; i != rows.end() && i->second.key.where == where && i->second.key.a <= a_max; ++i) {
      if (out.rows.size() == rows_max) break;
      out.rows.push_back({i->second.key, i->second.bytes});
    }
    return out;
  }
  std::shared_ptr<const ports::snapshot> take_snapshot() const override {
    const std::lock_guard lock(mutex_);
    auto copy = std::make_shared<copied_rows>();
    copy->rows = image_.rows;
    return copy;
  }

  // --- ports::id_source
  // -----------------------------------------------------------------------------------------------
  id_t take(domain::aggregate_kind kind, shard_t shard) override {
    const std::lock_guard lock(mutex_);
    const auto key = std::pair(kind, shard);
    if (next_id_[key] == image_.blocks[key]) return 0;
    return make_id(++next_id_[key], image_.shards, shard);
  }
  void refill(domain::aggregate_kind kind, shard_t shard, std::function<void(result<void>)> done) override {
    std::optional<error> no;
    {
      const std::lock_guard lock(mutex_);
      if (hold_refills_) {
        refills_.push_back({{kind, shard}, std::move(done)});
        return;
      }
      no = refusal_;
      if (!no) image_.blocks[{kind, shard}] += 1024;
    }
    if (no) return done(*no);
    done({});
  }

 private:
  struct waiting {
    ports::commit_request request;
    ports::commit_callback done;
  };
  struct waiting_refill {
    std::pair<domain::aggregate_kind, shard_t> of;
    std::function<void(result<void>)> done;
  };
  struct undo_record {
    shard_t shard = 0;
    bool had_events = false;
    std::vector<domain::row_change> rows;
  };
  struct copied_rows final : ports::snapshot {
    std::map<std::string, image::row> rows;
  };

  static void apply(image& to, const domain::row_change& change) {
    if (change.value)
      to.rows.insert_or_assign(encode_memory_key(change.key), image::row{change.key, *change.value});
    else
      to.rows.erase(encode_memory_key(change.key));
  }
  static bool newest_first(domain::table where) {
    return where == domain::table::post_of_owner || where == domain::table::comment_of_post;
  }
  static std::uint64_t first_b(domain::table where) {
    return newest_first(where) ? std::numeric_limits<std::uint64_t>::max() : 0;
  }
  static bool comes_after(domain::table where, std::uint64_t b, std::uint64_t mark) {
    return newest_first(where) ? b < mark : b > mark;
  }
  std::optional<ports::row_value::status> unreadable(ports::read_tier tier) const {
    if (read_failure_) return ports::row_value::status::failed;
    if (tier == ports::read_tier::cache_only && (cold_ || (cold_when_ && cold_when_())))
      return ports::row_value::status::would_block;
    return std::nullopt;
  }
  const std::map<std::string, image::row>& rows_at(const ports::snapshot* at) const {
    return at ? static_cast<const copied_rows*>(at)->rows : image_.rows;
  }
  std::uint64_t head_of(shard_t shard) const {
    const auto found = image_.records.find(shard);
    if (found == image_.records.end() || found->second.empty()) return 0;
    return found->second.back().first_sequence + found->second.back().events.size() - 1;
  }
  void take_place() {
    if (reserved_ == 0) throw std::logic_error("submit or release without reserve");
    --reserved_;
  }
  std::uint64_t write(const ports::commit_request& request) {
    undo_record undo{request.shard, !request.events.empty(), {}};
    for (const auto& change : request.rows) {
      const auto old = image_.rows.find(encode_memory_key(change.key));
      undo.rows.push_back({change.key, old == image_.rows.end() ? std::nullopt : std::optional(old->second.bytes)});
      apply(image_, change);
    }
    std::uint64_t first = 0;
    if (!request.events.empty()) {
      first = head_of(request.shard) + 1;
      image_.records[request.shard].push_back({request.shard, first, request.time, request.trace, request.events});
    }
    ++commits_;
    if (request.must_sync || !request.may_skip_sync) {
      ++synced_commits_;
      unsynced_.clear();
    } else {
      unsynced_.push_back(std::move(undo));
    }
    return first;
  }
  void commit(waiting item) {
    result<std::uint64_t> outcome = std::uint64_t{0};
    std::vector<std::function<void()>> moved;
    {
      const std::lock_guard lock(mutex_);
      const bool stale = item.request.epoch != 0 && item.request.epoch != epoch_;
      const bool fails = !stale && failing_ > 0;
      if (fails) {
        --failing_;
        ++epoch_;
      }
      if (!stale && (!fails || failing_written_)) outcome = write(item.request);
      if (fails) outcome = failure_;
      if (stale) outcome = error{error_code::store_unavailable, "the store has failed since this was decided"};
      // A store that comes back tells of what a failed write left there after all.
      if (!stale && (!fails || failing_written_) && !item.request.events.empty())
        for (const auto& [number, watcher] : watchers_) moved.push_back(watcher);
    }
    if (item.done) item.done(std::move(outcome));
    for (const auto& watcher : moved) watcher();
  }

  mutable std::mutex mutex_;
  image image_;
  std::map<std::pair<domain::aggregate_kind, shard_t>, std::uint64_t> next_id_;
  std::deque<waiting> queue_;
  std::vector<undo_record> unsynced_;
  std::map<std::uint64_t, std::function<void()>> watchers_;
  std::uint64_t watcher_ = 0;
  std::size_t reserved_ = 0;
  std::size_t commits_ = 0;
  std::size_t synced_commits_ = 0;
  std::size_t failing_ = 0;
  bool failing_written_ = false;
  bool hold_ = false;
  bool cold_ = false;
  bool hold_refills_ = false;
  std::deque<waiting_refill> refills_;
  std::function<bool()> cold_when_;
  std::uint64_t epoch_ = 1;
  error failure_;
  std::optional<error> refusal_;
  std::optional<error> read_failure_;
  std::set<std::pair<shard_t, std::uint64_t>> damaged_;  ///< records by shard and first sequence
};

}  // namespace social::test
