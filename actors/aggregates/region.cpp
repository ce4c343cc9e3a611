#include "actors/aggregates/region.hpp"

#include <condition_variable>
#include <mutex>

#include "actors/aggregates/shard.hpp"

namespace social::aggregates {

region::region(region_parts parts) : node_(*parts.node), kinds_(std::move(parts.kinds)) {
  env_ = std::make_shared<environment>();
  env_->node = &node_.context();
  env_->store = parts.store;
  env_->clock = parts.clock;
  env_->kinds = &kinds_;
  env_->limits = parts.limits;
  const auto run = parts.queries ? parts.queries : [](const protocol::query&, ports::read_tier) {
    return std::optional(result<protocol::answer>(error_code::unavailable));
  };
  auto& system = node_.system();
  for (std::size_t i = 0; i < parts.limits.disk_readers; ++i)
    env_->disk_readers.push_back(
        system.spawn<disk_reader, caf::detached>(node_.context(), i + 1, *parts.store.rows, run));
  for (shard_t s = 0; s < parts.store.log->shards(); ++s) shards_.push_back(system.spawn<shard>(env_, s));
  if (parts.queries)
    for (std::size_t i = 0; i < parts.readers; ++i)
      readers_.push_back(system.spawn<reader>(node_.context(), i + 1, run, env_->disk_readers));
}

region::~region() {
  stop(std::chrono::milliseconds(0));
}

void region::send(protocol::command_message message) {
  const auto shard = message.target != 0 ? shard_of(message.target, shards()) : message.shard;
  if (stopped_ || shard >= shards_.size()) return message.reply->answer(error_code::shutting_down);
  caf::anon_send(shards_[shard], std::move(message));
}

void region::ask(protocol::query_message message) {
  if (stopped_ || readers_.empty()) return message.reply->answer(error_code::unavailable);
  const auto next = next_reader_.fetch_add(1, std::memory_order_relaxed) % readers_.size();
  caf::anon_send(readers_[next], std::move(message));
}

bool region::stop(std::chrono::milliseconds deadline) {
  if (stopped_.exchange(true)) return true;
  struct gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
  };
  auto all_stopped = std::make_shared<gate>();
  {
    const std::shared_ptr<void> token(nullptr, [all_stopped](void*) {
      const std::lock_guard lock(all_stopped->mutex);
      all_stopped->open = true;
      all_stopped->opened.notify_all();
    });
    for (auto& shard : shards_) caf::anon_send(shard, stop_shard{token});
  }
  bool in_time = false;
  {
    std::unique_lock lock(all_stopped->mutex);
    in_time = all_stopped->opened.wait_for(lock, deadline, [&] { return all_stopped->open; });
  }
  for (auto& shard : shards_) caf::anon_send_exit(shard, caf::exit_reason::kill);
  for (auto& reader : readers_) caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  for (auto& reader : env_->disk_readers) caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  env_->disk_readers.clear();
  readers_.clear();
  return in_time;
}

}  // namespace social::aggregates
