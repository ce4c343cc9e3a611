#include "actors/push/worker.hpp"

namespace social::push {

worker::worker(caf::actor_config& cfg, std::shared_ptr<environment> env, id_t number)
    : super(cfg, *env->node, {"push-worker", number, 0, 0}), env_(std::move(env)), bench_(env_->bench) {}

worker::behavior_type worker::make_behavior() {
  return {
      [this](prepare_delivery& request) {
        auto delivery = bench_.prepare(request.entry);
        if (delivery.encryption_us > 0) env_->numbers.encrypted(delivery.encryption_us);
        request.done(std::move(delivery));
        if (stats().mailbox_depth.load(std::memory_order_relaxed) == 0) bench_.use_idle_time();
      },
      [this](load_rows& request) { request.done(bench_.load(request.origin, request.what)); },
      [this](sweep_rows& request) { request.done(bench_.sweep(request.origin, request.after)); },
  };
}

}  // namespace social::push
