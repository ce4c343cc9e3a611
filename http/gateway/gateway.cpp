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
      post_(std::move(post)),
      actors_(std::make_unique<actors>()) {
  const auto ended = [this] { return actors_->ended.ticket(); };
  for (io_index io = 0; io < io_threads; ++io)
    actors_->gateways.push_back(node.system().spawn<gateway_actor>(node.context(), io, options, routes_, ended()));
  if (routes_.command)
    actors_->views = node.system().spawn<view_gatherer>(node.context(), options, routes_.command, ended());
}

gateway::~gateway() {
  stop();
}

void gateway::stop() {
  if (actors_->stopped.exchange(true)) return;
  if (actors_->views) caf::anon_send_exit(actors_->views, caf::exit_reason::user_shutdown);
  for (auto& actor : actors_->gateways) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  // The routes lead to parts that end next: nobody may be on the way to them any more.
  if (!node_.deterministic() && !actors_->ended.wait(stop_deadline))
    log::error("gateway", "the gateway actors did not end in time");
}

template <class T>
auto gateway::promise_of(io_index io, completion<T> done) const {
  return std::make_shared<reply_slot<T>>([post = post_, io, done = std::move(done)](result<T> outcome) {
    post(io, [done, outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  });
}

bool gateway::takes(io_index io) const {
  return !actors_->stopped && io < actors_->gateways.size();
}

void gateway::command(io_index io, command_target target, domain::command_context context, domain::erased_ptr command,
                      completion<domain::erased_ptr> done) {
  if (!routes_.command || !takes(io)) return done(error_code::unavailable);
  context.now = now();
  protocol::command_message message{target.kind,        target.id,          target.shard,
                                    std::move(context), std::move(command), nullptr};
  caf::anon_send(actors_->gateways[io], ask_command{std::move(message), promise_of(io, std::move(done))});
}

void gateway::query(io_index io, protocol::query question, completion<protocol::answer> done) {
  if (!routes_.query || !takes(io)) return done(error_code::unavailable);
  caf::anon_send(actors_->gateways[io], ask_query{std::move(question), promise_of(io, std::move(done))});
}

void gateway::opened(id_t post, std::uint64_t times) {
  if (routes_.command && !actors_->stopped) caf::anon_send(actors_->views, post_opened{post, times});
}

void gateway::subscribe(io_index io, protocol::subscribe_request request, domain::command_context context,
                        completion<domain::subscription::device_view> done) {
  if (!routes_.subscribe || !takes(io)) return done(error_code::unavailable);
  context.now = now();
  caf::anon_send(actors_->gateways[io],
                 ask_subscribe{std::move(request), std::move(context), promise_of(io, std::move(done))});
}

void gateway::push_key(io_index, completion<protocol::push_key> done) {
  done(routes_.push_key ? routes_.push_key() : result<protocol::push_key>(error_code::unavailable));
}

}  // namespace social::http
