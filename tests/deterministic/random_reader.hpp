// A durable subscriber of a random story: its effects fail, its answers come late, and it is started again in between.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <random>

#include "actors/events/subscriber.hpp"
#include "tests/support/region_world.hpp"

namespace social::test {

/// Effects and cursors are in one batch of a store of its own. Every event takes effect once, in order, without a gap.
class random_reader {
 public:
  explicit random_reader(std::mt19937_64& random) : random_(random) {}
  ~random_reader() { end(); }
  random_reader(const random_reader&) = delete;
  random_reader& operator=(const random_reader&) = delete;

  /// Reads the journal of that world from where it was.
  void begin(region_world& world) {
    world_ = &world;
    start();
  }
  /// With its process. What took effect is on its disk, with the cursors.
  void end() {
    under_test_.reset();
    late_.clear();
  }
  /// An answer arrives, or the subscriber is ended and started again.
  void happen() {
    if (!late_.empty()) {
      const auto done = std::move(late_.front());
      late_.pop_front();
      return done({});
    }
    if (random_() % 3 != 0) return;
    under_test_.reset();
    start();
  }
  /// From now on nothing goes wrong any more.
  void behave() {
    well_ = true;
    for (; !late_.empty(); late_.pop_front()) late_.front()({});
  }
  /// Everything was read.
  void finish() {
    under_test_.reset();
    for (shard_t shard = 0; shard < world_->store.shards(); ++shard)
      REQUIRE(effects_.at(shard) == world_->store.head(shard));
  }

 private:
  void start() {
    events::subscriber_options options;
    options.name = "story";
    options.records_max = 3;
    under_test_.emplace(*world_->node, options, world_->store, disk_,
                        [this](auto records, auto cursors, auto done) { take(records, cursors, std::move(done)); });
  }
  void take(const std::vector<ports::journal_record>& records, const std::vector<domain::row_change>& cursors,
            std::function<void(result<void>)> done) {
    if (!well_ && random_() % 4 == 0) return done(error{error_code::store_unavailable});
    for (const auto& record : records) {
      auto& last = effects_[record.shard];
      REQUIRE(record.first_sequence == last + 1);
      REQUIRE_FALSE(record.events.empty());
      last += record.events.size();
    }
    ports::commit_request batch;
    batch.rows = cursors;
    REQUIRE(disk_.reserve());
    disk_.submit(std::move(batch), [](const result<std::uint64_t>&) {});
    // An end in between would let the answer of the old one meet the new one: a process has one of a name.
    if (!well_ && random_() % 2 == 0) return late_.push_back(std::move(done));
    done({});
  }

  region_world* world_ = nullptr;
  std::mt19937_64& random_;
  memory_store disk_{shard_t{2}};
  std::map<shard_t, std::uint64_t> effects_{{0, 0}, {1, 0}};  ///< sequence of the last event that took effect
  std::deque<std::function<void(result<void>)>> late_;
  bool well_ = false;
  std::optional<events::subscriber> under_test_;
};

}  // namespace social::test
