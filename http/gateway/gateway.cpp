#include "http/gateway/gateway.hpp"

#include "actors/base/log.hpp"
#include "actors/runtime/exit_gate.hpp"
#include "http/gateway/gateway_actor.hpp"

namespace social::http {

namespace {
/// Actors that never block end at once; this only bounds a defect.
constexpr auto stop_deadline = std::chrono::seconds(5);
}  // namespace

struct gateway::actors {
  std::vector<std::shared_ptr<ask_table>> asks;  ///< by I/O thread
  std::vector<gateway_interface> gateways;
  view_gatherer_interface views;
  std::atomic<bool> stopped{false};
  runtime::exit_gate ended;
};

gateway::gateway(runtime::node& node, gateway_options options, gateway_routes routes, shard_t shards,
                 std::size_t io_threads, io_post post)
    : node_(node),
      routes_(std::move(routes)),
      shards_(shards),
      push_deadline_ms_(options.push_deadline_ms),
      actors_(std::make_unique<actors>()) {
  const auto ended = [this] { return actors_->ended.ticket(); };
  for (io_index io = 0; io < io_threads; ++io) {
    actors_->asks.push_back(std::make_shared<ask_table>(io, options, post, node.context()));
    actors_->gateways.push_back(node.system().spawn<gateway_actor>(node.context(), io, actors_->asks.back(), ended()));
  }
  if (routes_.command)
    actors_->views = node.system().spawn<view_gatherer>(node.context(), options, routes_.command, ended());
}

gateway::~gateway() {
  stop();
}

void gateway::stop() {
  if (actors_->stopped.exchange(true)) return;
  for (auto& asks : actors_->asks) asks->close();
  if (actors_->views) caf::anon_send_exit(actors_->views, caf::exit_reason::user_shutdown);
  for (auto& actor : actors_->gateways) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  // The routes lead to parts that end next: nobody may be on the way to them any more.
  if (!node_.deterministic() && !actors_->ended.wait(stop_deadline))
    log::error("gateway", "the gateway actors did not end in time");
}

bool gateway::takes(io_index io) const {
  return !actors_->stopped && io < actors_->asks.size();
}

void gateway::command(io_index io, command_target target, domain::command_context context, domain::erased_ptr command,
                      completion<domain::erased_ptr> done) {
  if (!routes_.command || !takes(io)) return done(error_code::unavailable);
  context.now = now();
  actors_->asks[io]->ask<domain::erased_ptr>(std::move(done), {}, [&](protocol::command_slot slot) {
    routes_.command({target.kind, target.id, target.shard, std::move(context), std::move(command), std::move(slot)});
  });
}

void gateway::query(io_index io, protocol::query question, completion<protocol::answer> done) {
  if (!routes_.query || !takes(io)) return done(error_code::unavailable);
  actors_->asks[io]->ask<protocol::answer>(
      std::move(done), {error_code::overloaded, error_code::shutting_down},
      [&](protocol::query_slot slot) { routes_.query({std::move(question), std::move(slot)}); });
}

void gateway::opened(id_t post, std::uint64_t times) {
  if (routes_.command && !actors_->stopped) caf::anon_send(actors_->views, post_opened{post, times});
}

void gateway::subscribe(io_index io, protocol::subscribe_request request, domain::command_context context,
                        completion<domain::subscription::device_view> done) {
  if (!routes_.subscribe || !takes(io)) return done(error_code::unavailable);
  context.now = now();
  using device_view = domain::subscription::device_view;
  const ask_table::fallback otherwise{.deadline_ms = push_deadline_ms_};
  actors_->asks[io]->ask<device_view>(std::move(done), otherwise, [&](std::shared_ptr<reply_slot<device_view>> slot) {
    routes_.subscribe(std::move(request), std::move(context),
                      [slot](result<device_view> outcome) { slot->answer(std::move(outcome)); });
  });
}

void gateway::remove_device(io_index io, protocol::remove_device_request request, domain::command_context context,
                            completion<protocol::device_removed> done) {
  if (!routes_.remove_device || !takes(io)) return done(error_code::unavailable);
  context.now = now();
  const ask_table::fallback otherwise{.deadline_ms = push_deadline_ms_};
  actors_->asks[io]->ask<protocol::device_removed>(
      std::move(done), otherwise, [&](std::shared_ptr<reply_slot<protocol::device_removed>> slot) {
        routes_.remove_device(request, std::move(context),
                              [slot](result<protocol::device_removed> outcome) { slot->answer(std::move(outcome)); });
      });
}

void gateway::push_key(io_index io, completion<protocol::push_key> done) {
  if (!routes_.push_key || !takes(io)) return done(error_code::unavailable);
  using key = protocol::push_key;
  actors_->asks[io]->ask<key>(std::move(done), {error_code::unavailable, error_code::shutting_down, push_deadline_ms_},
                              [&](std::shared_ptr<reply_slot<key>> slot) {
                                routes_.push_key([slot](result<key> outcome) { slot->answer(std::move(outcome)); });
                              });
}

}  // namespace social::http
