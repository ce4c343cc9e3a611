// A store that is broken on purpose: what a command counts is committed in a batch of its own, after the rest. Tests
// that look for half-written commands must find this one.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "actors/ports/store.hpp"

namespace social::test {

/// Stands before a real journal, which outlives it. Thread-safe as that one.
class split_counts_journal final : public ports::journal {
 public:
  /// `between` runs on the commit thread with the number, from 1, of a command whose like or comment is durable and
  /// whose count is not.
  split_counts_journal(ports::journal& real, std::function<void(std::uint64_t)> between)
      : real_(real), between_(std::move(between)) {}

  // Two places for each command, one for each half.
  bool reserve() override {
    if (!real_.reserve()) return false;
    if (real_.reserve()) return true;
    real_.release();
    return false;
  }
  void release() override {
    real_.release();
    real_.release();
  }
  error refusal() const override { return real_.refusal(); }

  void submit(ports::commit_request request, ports::commit_callback done) override {
    auto counts = request;
    counts.events.clear();
    std::erase_if(counts.rows, [](const auto& row) { return !is_count(row); });
    if (counts.rows.empty()) {
      real_.release();
      return real_.submit(std::move(request), std::move(done));
    }
    std::erase_if(request.rows, is_count);
    const bool counted = std::any_of(request.rows.begin(), request.rows.end(), is_counted);
    real_.submit(std::move(request), [this, counted, counts = std::move(counts),
                                      done = std::move(done)](result<std::uint64_t> first) mutable {
      if (!first) {
        real_.release();
        return done(first);
      }
      if (counted) between_(++splits_);
      real_.submit(std::move(counts), [first, done = std::move(done)](const result<std::uint64_t>& second) {
        done(second ? first : second);
      });
    });
  }

  result<std::vector<ports::journal_record>> read(shard_t shard, std::uint64_t after, std::size_t records_max,
                                                  std::size_t bytes_max) const override {
    return real_.read(shard, after, records_max, bytes_max);
  }
  std::uint64_t head(shard_t shard) const override { return real_.head(shard); }
  std::uint64_t oldest(shard_t shard) const override { return real_.oldest(shard); }
  std::uint64_t watch(std::function<void()> moved) override { return real_.watch(std::move(moved)); }
  void unwatch(std::uint64_t watcher) override { real_.unwatch(watcher); }
  std::uint64_t epoch() const override { return real_.epoch(); }
  shard_t shards() const override { return real_.shards(); }
  const std::string& store_id() const override { return real_.store_id(); }

 private:
  static bool is_count(const domain::row_change& row) { return row.key.where == domain::table::counts; }
  static bool is_counted(const domain::row_change& row) {
    return row.key.where == domain::table::like || row.key.where == domain::table::comment_of_post;
  }

  ports::journal& real_;
  const std::function<void(std::uint64_t)> between_;
  std::atomic<std::uint64_t> splits_{0};
};

}  // namespace social::test
