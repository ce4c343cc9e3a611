#include "http/gateway/gateway.hpp"

#include "http/gateway/gateway_actor.hpp"

namespace social::http {

struct gateway::actors {
  std::vector<gateway_interface> gateways;
  view_gatherer_interface views;
};

gateway::gateway(runtime::node& node, gateway_options options, gateway_routes routes, shard_t shards,
                 std::size_t io_threads, io_post post)
    : node_(node),
      routes_(std::move(routes)),
      shards_(shards),
      post_(std::move(post)),
      actors_(std::make_unique<actors>()) {
  for (io_index io = 0; io < io_threads; ++io)
    actors_->gateways.push_back(node.system().spawn<gateway_actor>(node.context(), io, options, routes_, post_));
  if (routes_.command) actors_->views = node.system().spawn<view_gatherer>(node.context(), options, routes_.command);
}

gateway::~gateway() {
  stop();
}

void gateway::stop() {
  if (actors_->views) caf::anon_send_exit(actors_->views, caf::exit_reason::user_shutdown);
  for (auto& actor : actors_->gateways) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  actors_->views = nullptr;
  actors_->gateways.clear();
}

void gateway::command(io_index io, command_target target, domain::command_context context, domain::erased_ptr command,
                      completion<domain::erased_ptr> done) {
  if (!routes_.command || io >= actors_->gateways.size()) return done(error_code::unavailable);
  context.now = now();
  protocol::command_message message{target.kind,        target.id,          target.shard,
                                    std::move(context), std::move(command), nullptr};
  caf::anon_send(actors_->gateways[io], ask_command{std::move(message), std::move(done)});
}

void gateway::query(io_index io, protocol::query question, completion<protocol::answer> done) {
  if (!routes_.query || io >= actors_->gateways.size()) return done(error_code::unavailable);
  caf::anon_send(actors_->gateways[io], ask_query{std::move(question), std::move(done)});
}

void gateway::opened(id_t post, std::uint64_t times) {
  if (actors_->views) caf::anon_send(actors_->views, post_opened{post, times});
}

void gateway::subscribe(io_index io, protocol::subscribe_request request, domain::command_context context,
                        completion<domain::subscription::device_view> done) {
  if (!routes_.subscribe) return done(error_code::unavailable);
  context.now = now();
  routes_.subscribe(std::move(request), std::move(context),
                    [post = post_, io, done = std::move(done)](result<domain::subscription::device_view> outcome) {
                      post(io, [done, outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
                    });
}

void gateway::push_key(io_index, completion<protocol::push_key> done) {
  done(routes_.push_key ? routes_.push_key() : result<protocol::push_key>(error_code::unavailable));
}

}  // namespace social::http
