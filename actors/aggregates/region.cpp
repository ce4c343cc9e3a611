#include "actors/aggregates/region.hpp"

#include "actors/aggregates/shard.hpp"

namespace social::aggregates {

namespace {
constexpr auto readers_end_in = std::chrono::seconds(2);
}

region::region(region_parts parts) : node_(*parts.node) {
  env_ = std::make_shared<environment>();
  env_->node = &node_.context();
  env_->store = parts.store;
  env_->clock = parts.clock;
  env_->kinds = std::move(parts.kinds);
  env_->limits = parts.limits;
  env_->prefix = parts.prefix;
  const auto run = parts.queries ? parts.queries : [](const protocol::query&, ports::read_tier) {
    return std::optional(result<protocol::answer>(error_code::unavailable));
  };
  auto& system = node_.system();
  for (std::size_t i = 0; i < parts.limits.disk_readers; ++i)
    env_->disk_readers.push_back(node_.spawn_blocking<disk_reader>(node_.context(), env_->prefix + "disk-reader", i + 1,
                                                                   *parts.store.rows, run, readers_ended_.ticket()));
  for (shard_t s = 0; s < parts.store.log->shards(); ++s) shards_.push_back(system.spawn<shard>(env_, s));
  sweeper_ = system.spawn<idempotency_sweeper>(env_, readers_ended_.ticket());
  if (parts.queries)
    for (std::size_t i = 0; i < parts.readers; ++i)
      readers_.push_back(
          system.spawn<reader>(node_.context(), i + 1, run, env_->disk_readers, readers_ended_.ticket()));
}

region::~region() {
  stop(std::chrono::milliseconds(0));
}

void region::send(protocol::command_message message) {
  const auto shard = message.target != 0 ? shard_of(message.target, shards()) : message.shard;
  if (closed_ || shard >= shards_.size()) return message.reply->answer(error_code::shutting_down);
  caf::anon_send(shards_[shard], std::move(message));
}

void region::ask(protocol::query_message message) {
  if (closed_) return message.reply->answer(error_code::shutting_down);
  if (readers_.empty()) return message.reply->answer(error_code::unavailable);
  const auto next = next_reader_.fetch_add(1, std::memory_order_relaxed) % readers_.size();
  caf::anon_send(readers_[next], std::move(message));
}

void region::close() {
  if (closed_.exchange(true)) return;
  for (auto& shard : shards_) caf::anon_send(shard, stop_shard{shards_ended_.ticket()});
}

bool region::stop(std::chrono::milliseconds deadline) {
  if (stopped_.exchange(true)) return true;
  close();
  bool in_time = shards_ended_.wait(deadline);
  for (auto& shard : shards_) caf::anon_send_exit(shard, caf::exit_reason::kill);
  for (auto& reader : readers_) caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(sweeper_, caf::exit_reason::user_shutdown);
  for (const auto& reader : env_->disk_readers) caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
  // They hold nothing up but the read they are at.
  if (!node_.deterministic()) in_time = readers_ended_.wait(readers_end_in) && in_time;
  return in_time;
}

}  // namespace social::aggregates
