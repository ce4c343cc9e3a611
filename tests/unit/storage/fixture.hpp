// What the storage tests share: a directory that disappears, a store that opens again, and waiting for conditions.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "storage/store.hpp"
#include "tests/support/catch.hpp"

namespace social::storage::test {

using namespace std::chrono_literals;
inline constexpr auto patience = 20s;

/// Removed with everything in it.
class scratch_directory {
 public:
  scratch_directory() {
    static std::atomic<int> next{0};
    path_ = std::filesystem::temp_directory_path() /
            ("social-storage-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  [[nodiscard]] std::filesystem::path path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Waits on a condition that threads of the store make true; no sleeping, no signal needed. False after `patience`.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// The answer of one commit, waited for.
class answer {
 public:
  ports::commit_callback callback() {
    return [state = state_](result<std::uint64_t> outcome) {
      const std::lock_guard lock(state->mutex);
      state->outcome = std::move(outcome);
      state->arrived.notify_all();
    };
  }
  result<std::uint64_t> wait() {
    std::unique_lock lock(state_->mutex);
    if (!state_->arrived.wait_for(lock, patience, [&] { return state_->outcome.has_value(); }))
      return error{error_code::internal, "no answer came"};
    return *state_->outcome;
  }
  bool there() {
    const std::lock_guard lock(state_->mutex);
    return state_->outcome.has_value();
  }

 private:
  struct shared {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<result<std::uint64_t>> outcome;
  };
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

inline storage_options options_in(const std::filesystem::path& path, shard_t shards = 4) {
  storage_options out;
  out.path = path;
  out.shards = shards;
  out.block_cache_bytes = std::size_t{4} << 20;
  out.write_buffer_bytes = std::size_t{4} << 20;
  out.reopen_wait_min = 1ms;
  out.reopen_wait_max = 20ms;
  return out;
}

inline std::unique_ptr<rocks_store> open_or_fail(const storage_options& options) {
  auto opened = rocks_store::open(options);
  if (!opened) FAIL("the store does not open: " << opened.error().text());
  return std::move(*opened);
}

inline domain::encoded_event event(std::string bytes = "\1e", id_t id = 7) {
  return {domain::aggregate_kind::post, id, 11, std::move(bytes)};
}

inline domain::row_key state_key(std::uint64_t id) {
  return {domain::table::state, 1 + id % 2, id,
          ""};  // of users, which row_cache keeps, and of posts, which it does not
}

/// `events` events and one row per request.
inline ports::commit_request request(shard_t shard, std::size_t events, std::uint64_t row, std::string value) {
  ports::commit_request out;
  out.shard = shard;
  out.time = 1'700'000'000'000;
  out.trace = "00-trace";
  for (std::size_t i = 0; i < events; ++i) out.events.push_back(event("\1" + value + "/" + std::to_string(i), row));
  out.rows.push_back({state_key(row), std::move(value)});
  return out;
}

inline answer submit(rocks_store& store, ports::commit_request what) {
  answer out;
  REQUIRE(store.ports().log->reserve());
  store.ports().log->submit(std::move(what), out.callback());
  return out;
}

inline result<std::uint64_t> commit(rocks_store& store, ports::commit_request what) {
  return submit(store, std::move(what)).wait();
}

inline std::optional<std::string> row_of(rocks_store& store, const domain::row_key& key) {
  auto value = store.ports().rows->get(key, ports::read_tier::disk);
  if (value.what == ports::row_value::status::absent) return std::nullopt;
  REQUIRE(value.what == ports::row_value::status::found);
  return value.bytes;
}

/// Takes an id, refilling when it must.
inline id_t take_id(rocks_store& store, domain::aggregate_kind kind, shard_t shard) {
  auto* ids = store.ports().ids;
  for (;;) {
    if (const auto id = ids->take(kind, shard); id != 0) return id;
    answer filled;
    ids->refill(kind, shard, [done = filled.callback()](result<void> outcome) {
      done(outcome ? result<std::uint64_t>(1) : result<std::uint64_t>(outcome.error()));
    });
    if (!filled.wait()) return 0;
  }
}

}  // namespace social::storage::test
