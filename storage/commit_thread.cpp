#include "storage/commit_thread.hpp"

#include <algorithm>
#include <pthread.h>

#include "actors/base/wake_batch.hpp"

namespace social::storage {

namespace {

void count(counter& number, std::uint64_t by = 1) noexcept {
  number.fetch_add(by, std::memory_order_relaxed);
}

error with_retry(error_code code, std::string message) {
  error out{code, std::move(message)};
  out.retry_after_s = 1;
  return out;
}

}  // namespace

commit_thread::commit_thread(engine& engine, database_gate& gate, visible_heads& heads, watchers& watchers,
                             mark_keeper& mark, storage_statistics& statistics)
    : engine_(engine),
      gate_(gate),
      heads_(heads),
      watchers_(watchers),
      mark_(mark),
      statistics_(statistics),
      options_(engine.options()),
      queue_(options_.commit_queue_max) {}

commit_thread::~commit_thread() {
  stop(std::chrono::milliseconds(0));
}

result<void> commit_thread::start(std::unique_ptr<database> store) {
  auto ranges = load_ranges(*store, heads_.shards());
  if (!ranges) return ranges.error();
  writer_.emplace(*store, heads_, statistics_, *ranges, options_.batch_bytes_max);
  mark_.note(writer_->synced_sequence());
  gate_.open(std::move(store));
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-commit");
  return {};
}

// --- from any thread
// --------------------------------------------------------------------------------------------------

bool commit_thread::reserve() {
  if (queue_.reserve()) return true;
  if (accepting()) count(statistics_.overloaded);
  return false;
}

error commit_thread::refusal() const {
  switch (queue_.state()) {
    case intake::failed:
      return with_retry(error_code::store_unavailable, "the store takes no writes: " + queue_.reason());
    case intake::stopping:
      return with_retry(error_code::shutting_down, "the store is being closed");
    case intake::open:
      break;
  }
  return with_retry(error_code::overloaded, std::to_string(queue_.places_max()) + " commits wait already");
}

void commit_thread::submit(prepared_request request, ports::commit_callback done, bool placed) {
  pending_request pending{std::move(request), std::move(done), placed, 0};
  if (!queue_.push(pending)) answer_all({&pending, 1}, error_code::store_unavailable, "the store is closed");
}

void commit_thread::stop(std::chrono::milliseconds deadline) {
  if (!thread_.joinable()) return;
  stop_deadline_ = clock::now() + deadline;
  stopping_.store(true, std::memory_order_release);
  queue_.set_intake(intake::stopping, "the store is being closed");
  queue_.wake();
  thread_.join();
}

// --- the commit thread
// ------------------------------------------------------------------------------------------------

void commit_thread::run() {
  while (!finished()) {
    taken_.clear();
    gather();
    queue_.take(taken_, next_event());
    if (writer_)
      commit_taken();
    else
      answer_all(taken_, error_code::store_unavailable, queue_.reason());
    if (writer_) sync_if_due(false);
    if (writer_) notice_trouble();
    if (!writer_ && !stopping_.load(std::memory_order_acquire) && clock::now() >= retry_at_) try_to_come_back();
  }
  taken_.clear();
  queue_.end(taken_);
  answer_all(taken_, error_code::store_unavailable, "the store is closed");
  if (writer_ && writer_->unsynced()) sync_if_due(true);
  writer_.reset();
}

/// Before a batch is taken, where the disk is slow: those whom the last sync answered come back (see gathering).
void commit_thread::gather() {
  if (!writer_ || gathering_.wanted() < 2 || !queue_.wait_for(1, next_event())) return;
  const auto until = clock::now() + gathering_.patience();
  for (auto before = queue_.waiting(); clock::now() < until;) {
    if (queue_.wait_for(gathering_.wanted(), std::min(until, clock::now() + gathering_.step()))) return;
    const auto after = queue_.waiting();
    if (!gathering_.goes_on(before, after)) return;
    before = after;
  }
}

void commit_thread::note_batch(std::size_t answered, bool synced) {
  const auto* store = gate_.owned();
  if (!synced || store == nullptr) return gathering_.not_synced();
  gathering_.synced(store->sync_time(), answered, queue_.waiting(), options_.batch_requests_max);
}

commit_thread::clock::time_point commit_thread::next_event() const {
  if (stopping_.load(std::memory_order_acquire)) return clock::now() + std::chrono::milliseconds(1);
  return writer_ ? sync_due_ : retry_at_;
}

bool commit_thread::finished() const {
  if (!stopping_.load(std::memory_order_acquire)) return false;
  return queue_.places() == 0 || clock::now() >= stop_deadline_;
}

// Largest run of requests from `from` that fits one batch; at least one. `sync`: one of them needs it.
std::span<pending_request> commit_thread::next_slice(std::size_t from, bool& sync) {
  std::size_t bytes = 0;
  std::size_t to = from;
  sync = false;
  while (to < taken_.size() && to - from < options_.batch_requests_max) {
    const auto& request = taken_[to].request;
    if (to > from && bytes + request.bytes > options_.batch_bytes_max) break;
    bytes += request.bytes;
    sync = sync || request.must_sync || (options_.mode == durability::sync && !request.may_skip_sync);
    ++to;
  }
  return {taken_.data() + from, to - from};
}

// Decided on state whose base may never have been written (ports::commit_request::epoch).
void commit_thread::refuse_stale() {
  const auto current = epoch_.load(std::memory_order_relaxed);  // this thread alone changes it
  const auto fresh = [&](const pending_request& pending) {
    return pending.request.epoch == 0 || pending.request.epoch == current;
  };
  if (std::all_of(taken_.begin(), taken_.end(), fresh)) return;
  const auto stale = std::stable_partition(taken_.begin(), taken_.end(), fresh);
  answer_all({stale, taken_.end()}, error_code::store_unavailable, "the store has failed since this was decided");
  taken_.erase(stale, taken_.end());
}

void commit_thread::commit_taken() {
  refuse_stale();
  for (std::size_t from = 0; from < taken_.size();) {
    bool sync = false;
    const auto slice = next_slice(from, sync);
    from += slice.size();
    if (const auto status = writer_->write(slice, sync); !status.ok()) {
      break_down(status);
      count(statistics_.outcome_unknown, slice.size());
      answer_all(slice, error_code::outcome_unknown, "the write failed; it may be there after the store is back");
      answer_all({taken_.data() + from, taken_.size() - from}, error_code::store_unavailable, queue_.reason());
      return;
    }
    after_write();
    note_batch(slice.size(), sync);
    answer(slice);
    if (writer_->take_moved()) watchers_.signal();
  }
}

void commit_thread::after_write() {
  if (!writer_->unsynced()) {
    mark_.note(writer_->synced_sequence());
    sync_due_ = clock::time_point::max();
  } else if (sync_due_ == clock::time_point::max()) {
    sync_due_ = clock::now() + options_.sync_interval;
  }
}

// A new log file is begun now and then. Until the old one is synced a power cut could take the end of the old one and
// leave the beginning of the new one: a hole. So a switch with unsynced writes syncs both at once.
void commit_thread::sync_if_due(bool now) {
  auto* store = gate_.owned();
  const bool switched = store != nullptr && store->take_log_switch();
  if (!writer_->unsynced() || !(now || switched || clock::now() >= sync_due_)) return;
  if (const auto status = writer_->sync(); !status.ok()) {
    break_down(status);
    return;
  }
  after_write();
  if (writer_->take_moved()) watchers_.signal();
}

void commit_thread::answer(std::span<pending_request> requests) {
  const wake_batch together;
  std::size_t places = 0;
  for (auto& pending : requests) {
    if (pending.placed) ++places;
    if (pending.done) pending.done(pending.first_sequence);
  }
  queue_.release(places);
}

void commit_thread::answer_all(std::span<pending_request> requests, error_code code, const std::string& message) {
  if (requests.empty()) return;
  if (code == error_code::store_unavailable) count(statistics_.refused, requests.size());
  std::size_t places = 0;
  for (auto& pending : requests) {
    if (pending.placed) ++places;
    if (pending.done) pending.done(with_retry(code, message));
  }
  queue_.release(places);
}

// A flush or a compaction failed: RocksDB takes no more writes, or takes them until its memory is full.
void commit_thread::notice_trouble() {
  const auto status = gate_.owned()->trouble();
  if (status.ok()) return;
  const auto before = retry_wait_;
  break_down(status);
  if (clock::now() - back_at_ >= options_.reopen_wait_max) return;
  // What fails again as soon as the store is back, such as the compaction of a damaged table, must not reopen it all
  // the time.
  retry_wait_ = std::clamp(before * 2, options_.reopen_wait_min, options_.reopen_wait_max);
  retry_at_ = clock::now() + retry_wait_;
}

// --- failure and return
// -----------------------------------------------------------------------------------------------

void commit_thread::break_down(const rocksdb::Status& status) {
  count(statistics_.failed_writes);
  epoch_.fetch_add(1, std::memory_order_release);
  queue_.set_intake(intake::failed, "a write failed: " + status.ToString());
  engine_.log(log_level::error, "a write to " + options_.path.string() +
                                    " failed, the store takes no writes until it is back: " + status.ToString());
  writer_.reset();
  sync_due_ = clock::time_point::max();
  retry_wait_ = options_.reopen_wait_min;
  retry_at_ = clock::now() + retry_wait_;
}

void commit_thread::postpone() {
  count(statistics_.reopen_failures);
  retry_wait_ = std::min(retry_wait_ * 2, options_.reopen_wait_max);
  retry_at_ = clock::now() + retry_wait_;
}

void commit_thread::try_to_come_back() {
  if (gate_.owned() != nullptr) {  // readers keep the failed store until the disk takes writes again
    if (auto back = engine_.probe(); !back) return postpone();
  }
  if (auto back = reopen(); !back) {
    engine_.log(log_level::error, "the store cannot be reopened yet: " + std::string(back.error().text()));
    queue_.set_intake(intake::failed, std::string(back.error().text()));
    return postpone();
  }
  retry_at_ = clock::time_point::max();
  back_at_ = clock::now();
  count(statistics_.reopens);
  engine_.log(log_level::warning, "the store in " + options_.path.string() + " is back and takes writes");
  queue_.set_intake(intake::open);
  if (writer_->take_moved()) watchers_.signal();
}

result<void> commit_thread::reopen() {
  gate_.close().reset();
  epoch_.fetch_add(1, std::memory_order_release);  // between the two: whoever reads this epoch reads the new opening
  auto store = engine_.open();
  if (!store) return store.error();
  auto ranges = load_ranges(**store, heads_.shards());
  if (!ranges) return ranges.error();
  for (shard_t shard = 0; shard < heads_.shards(); ++shard) {
    if ((*ranges)[shard].head < heads_.head(shard))
      return error{error_code::store_damaged,
                   "events of shard " + std::to_string(shard) + " that readers have seen are gone (head " +
                       std::to_string((*ranges)[shard].head) + ", seen " + std::to_string(heads_.head(shard)) + ")"};
  }
  writer_.emplace(**store, heads_, statistics_, *ranges, options_.batch_bytes_max);
  mark_.note(writer_->synced_sequence());
  gate_.open(std::move(*store));
  return {};
}

}  // namespace social::storage
