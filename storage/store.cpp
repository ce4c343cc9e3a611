#include "storage/store.hpp"

#include <atomic>
#include <future>

#include "storage/commit_thread.hpp"
#include "storage/engine.hpp"
#include "storage/heads.hpp"
#include "storage/ids.hpp"
#include "storage/journal.hpp"
#include "storage/rows.hpp"
#include "storage/synced_mark.hpp"
#include "storage/trim.hpp"

namespace social::storage {

// In the order of construction; destroyed from the bottom, after `close` has ended both threads.
struct rocks_store::parts {
  explicit parts(const storage_options& options)
      : machine(options),
        heads(options.shards, options.journal_tail_bytes),
        mark(
            options.mark_interval, [this](std::uint64_t sequence) { return machine.mark_at(sequence); },
            [this](const synced_mark& all) { return write(all); }),
        commits(machine, gate, heads, moved, mark, statistics),
        log(commits, gate, heads, moved),
        rows(gate, options.read_wait_max),
        ids(commits, statistics, options.shards) {
    machine.set_alarm([this] { commits.wake(); });
  }

  bool write(const synced_mark& all) {
    const auto written = write_mark(machine.files(), machine.options().path, all);
    if (!written) {
      statistics.mark_failures.fetch_add(1, std::memory_order_relaxed);
      if (!mark_fails) machine.log(log_level::warning, std::string(written.error().text()));  // it is tried again
    }
    mark_fails = !written;
    return written.has_value();
  }

  storage_statistics statistics;
  engine machine;
  database_gate gate;
  visible_heads heads;
  watchers moved;
  std::atomic<bool> mark_fails{false};
  mark_keeper mark;
  commit_thread commits;
  rocks_journal log;
  rocks_rows rows;
  rocks_ids ids;
};

rocks_store::rocks_store(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
rocks_store::~rocks_store() {
  close();
}

result<std::unique_ptr<rocks_store>> rocks_store::open(const storage_options& options) {
  auto made = std::make_unique<parts>(options);
  auto store = made->machine.open();
  if (!store) return store.error();
  made->log.set_store_id((*store)->meta().store_id);
  if (auto loaded = made->ids.load(**store); !loaded) return loaded.error();
  // Recovery has put everything it found into tables: all of it is synced. Noted at once, so that the first second of
  // the store's life is guarded, too.
  made->write(made->machine.mark_at((*store)->db().GetLatestSequenceNumber()));
  if (auto started = made->commits.start(std::move(*store)); !started) return started.error();
  return std::unique_ptr<rocks_store>(new rocks_store(std::move(made)));
}

ports::store rocks_store::ports() noexcept {
  return {&parts_->log, &parts_->rows, &parts_->ids};
}
const storage_statistics& rocks_store::statistics() const noexcept {
  return parts_->statistics;
}
std::size_t rocks_store::queue_depth() const noexcept {
  return parts_->commits.places();
}
bool rocks_store::accepting() const noexcept {
  return parts_->commits.accepting();
}
store_readiness rocks_store::readiness() const {
  return {accepting(), parts_->commits.reason()};
}

result<std::uint64_t> rocks_store::trim_journal(shard_t shard, std::uint64_t hold, timestamp_t before,
                                                std::size_t records_max) {
  trim_plan plan;
  // Before the look: a store that was reopened since may lack the record that was to stay as the newest.
  const auto epoch = parts_->commits.epoch();
  {
    const auto inside = parts_->gate.enter(parts_->machine.options().read_wait_max);
    if (!inside) return error{error_code::store_unavailable, "the store is being reopened"};
    auto found =
        plan_trim(*inside, shard, {parts_->heads.oldest(shard), parts_->heads.head(shard), hold, before, records_max});
    if (!found) return found.error();
    plan = *found;
  }
  if (plan.events == 0) return std::uint64_t{0};
  std::promise<result<std::uint64_t>> done;
  auto outcome = done.get_future();
  parts_->commits.submit(
      prepare_trim(shard, plan.below, epoch),
      [&done](result<std::uint64_t> answer) { done.set_value(std::move(answer)); }, false);
  if (const auto answer = outcome.get(); !answer) return answer.error();
  return plan.events;
}

row_cache::counts rocks_store::hot_row_lookups() const {
  const auto inside = parts_->gate.enter();
  return inside ? inside->hot_rows().looked_up() : row_cache::counts{};
}

std::uint64_t rocks_store::journal_bytes() const {
  const auto inside = parts_->gate.enter();
  if (!inside) return 0;
  std::uint64_t tables = 0;
  std::uint64_t memory = 0;
  auto* journal = inside->handle(family::journal);
  inside->db().GetIntProperty(journal, rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  inside->db().GetIntProperty(journal, rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return tables + memory;
}

result<void> rocks_store::copy_to(const std::filesystem::path& to) {
  const auto inside = parts_->gate.enter(parts_->machine.options().read_wait_max);
  if (!inside) return error{error_code::store_unavailable, "the store is being reopened"};
  return copy_database(*inside, to);
}

void rocks_store::close() {
  parts_->commits.stop(parts_->machine.options().close_deadline);
  if (auto* store = parts_->gate.owned()) store->settle();
  parts_->mark.stop();  // of all that was synced, while nobody else can have the store
  parts_->gate.close().reset();
}

}  // namespace social::storage
