// The bridge between I/O threads and actors. Asks go from the I/O thread straight to the region; one gateway actor per
// I/O thread keeps their deadlines. Completions run on the I/O thread that asked.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "actors/runtime/node.hpp"
#include "http/gateway/backend.hpp"

namespace social::http {

/// Where the gateway sends what it is asked; any function may be empty: that role is not served (unavailable).
struct gateway_routes {
  std::function<void(protocol::command_message)> command;  ///< to the region of the api store
  std::function<void(protocol::query_message)> query;
  std::function<void(protocol::subscribe_request, domain::command_context,
                     std::function<void(result<domain::subscription::device_view>)>)>
      subscribe;
  std::function<void(protocol::remove_device_request, domain::command_context,
                     std::function<void(result<protocol::device_removed>)>)>
      remove_device;
  std::function<void(std::function<void(result<protocol::push_key>)>)> push_key;
};

struct gateway_options {
  std::int64_t ask_deadline_ms = 10'000;  ///< then outcome_unknown (commands, subscribe) or overloaded (questions)
  std::int64_t push_deadline_ms = 0;      ///< of what the push role is asked; 0: the same
  std::size_t asks_max = 65'536;          ///< under way per I/O thread; beyond it overloaded
  std::int64_t views_flush_ms = 1'000;    ///< gathered views are written that often
  std::size_t views_posts_max = 65'536;   ///< posts with unwritten views; beyond it views are shed
};

/// Runs `task` on I/O thread `io`.
using io_post = std::function<void(io_index io, std::function<void()> task)>;

class gateway final : public backend {
 public:
  gateway(runtime::node& node, gateway_options options, gateway_routes routes, shard_t shards, std::size_t io_threads,
          io_post post);
  ~gateway() override;

  void command(io_index io, command_target target, domain::command_context context, domain::erased_ptr command,
               completion<domain::erased_ptr> done) override;
  void query(io_index io, protocol::query question, completion<protocol::answer> done) override;
  void opened(id_t post, std::uint64_t times) override;
  void subscribe(io_index io, protocol::subscribe_request request, domain::command_context context,
                 completion<domain::subscription::device_view> done) override;
  void remove_device(io_index io, protocol::remove_device_request request, domain::command_context context,
                     completion<protocol::device_removed> done) override;
  void push_key(io_index io, completion<protocol::push_key> done) override;
  shard_t shards() const override { return shards_; }
  timestamp_t now() const override { return node_.context().now(); }

  /// Writes gathered views and ends the gateway actors. When it returns, every ask under way has been answered
  /// (commands outcome_unknown, questions shutting_down) and the routes are not used any more. Later asks: unavailable.
  void stop();

 private:
  struct actors;
  [[nodiscard]] bool takes(io_index io) const;

  runtime::node& node_;
  const gateway_routes routes_;
  const shard_t shards_;
  const std::int64_t push_deadline_ms_;
  std::unique_ptr<actors> actors_;
};

}  // namespace social::http
