#include "actors/push/push_role.hpp"

#include <atomic>
#include <cassert>
#include <condition_variable>
#include <mutex>

#include "actors/base/base64.hpp"
#include "actors/push/address_check.hpp"
#include "actors/push/encryption.hpp"
#include "actors/push/locale.hpp"
#include "actors/push/planner_actor.hpp"
#include "actors/push/report.hpp"

namespace social::push {
namespace {

using domain::subscription::device_view;

/// Opens when the last token that was given out is gone.
class gate {
 public:
  std::shared_ptr<void> token(const std::shared_ptr<gate>& self) {
    return {nullptr, [self](void*) {
              const std::lock_guard lock(self->mutex_);
              self->open_ = true;
              self->opened_.notify_all();
            }};
  }
  bool wait(std::chrono::milliseconds deadline) {
    std::unique_lock lock(mutex_);
    return opened_.wait_for(lock, deadline, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

/// One line at a time, whole.
std::function<void(std::string_view)> serialized(std::function<void(std::string_view)> sink) {
  return [sink = std::move(sink), mutex = std::make_shared<std::mutex>()](std::string_view line) {
    const std::lock_guard lock(*mutex);
    if (sink) sink(line);
  };
}

std::shared_ptr<environment> environment_of(push_dependencies&& from) {
  assert(from.system && from.node && from.store.log && from.store.rows && from.clock && from.random && from.command);
  const bool sends = from.options.mode == push_mode::webpush;
  assert(!sends || (from.transport && from.keys));
  auto env = std::make_shared<environment>();
  env->node = from.node;
  env->store = from.store;
  env->clock = from.clock;
  env->random = from.random;
  env->transport = from.transport;
  env->options = std::move(from.options);
  env->command = std::move(from.command);
  if (sends) {
    vapid_options options;
    options.subject = env->options.subject;
    env->tokens = std::make_unique<vapid>(from.keys, options);
  }
  env->bench.rows = env->store.rows;
  env->bench.clock = env->clock;
  env->bench.options = &env->options;
  env->bench.keys = std::move(from.keys);
  env->bench.vapid = env->tokens.get();
  env->bench.console = serialized(std::move(from.console));
  return env;
}

}  // namespace

class push_role::parts {
 public:
  explicit parts(push_dependencies&& from)
      : system(*from.system), detached(from.detached), env(environment_of(std::move(from))) {}

  caf::actor_system& system;
  const bool detached;
  const std::shared_ptr<environment> env;
  planner_handle planner;
  std::shared_ptr<std::atomic<std::size_t>> batches = std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<bool> stopped{true};
  const std::shared_ptr<gate> all_ended = std::make_shared<gate>();
};

push_role::push_role(push_dependencies from) : parts_(std::make_unique<parts>(std::move(from))) {}

push_role::~push_role() {
  stop(std::chrono::milliseconds(0));
}

void push_role::start() {
  auto& p = *parts_;
  assert(!p.planner);
  p.planner = p.detached ? p.system.spawn<planner_actor, caf::detached>(p.env, true)
                         : p.system.spawn<planner_actor>(p.env, false);
  p.stopped = false;
}

void push_role::begin_stop() {
  auto& p = *parts_;
  if (p.stopped.exchange(true)) return;
  caf::anon_send(p.planner, stop_push{p.all_ended->token(p.all_ended)});
}

bool push_role::stop(std::chrono::milliseconds deadline) {
  auto& p = *parts_;
  begin_stop();
  if (!p.planner) return true;
  const bool in_time = p.all_ended->wait(deadline);
  if (p.env->transport != nullptr) p.env->transport->stop();  // no answer comes after this
  if (!in_time) caf::anon_send_exit(p.planner, caf::exit_reason::kill);
  p.planner = nullptr;
  return in_time;
}

void push_role::consume(std::vector<protocol::push_event> events, std::vector<domain::row_change> cursor_rows,
                        std::function<void(result<void>)> done, std::uint64_t epoch) {
  auto& p = *parts_;
  if (p.stopped) return done(error{error_code::shutting_down});
  if (p.env->planner_failed) return done(error{error_code::unavailable, "the push role has failed"});
  if (p.batches->fetch_add(1) >= p.env->options.batches_waiting_max) {
    p.batches->fetch_sub(1);
    return done(error{error_code::overloaded});
  }
  auto slot = std::make_shared<reply_slot<void>>([batches = p.batches, done = std::move(done)](result<void> outcome) {
    batches->fetch_sub(1);
    done(std::move(outcome));
  });
  caf::anon_send(p.planner,
                 consume_events{std::make_shared<const std::vector<protocol::push_event>>(std::move(events)),
                                std::make_shared<const std::vector<domain::row_change>>(std::move(cursor_rows)), epoch,
                                std::move(slot)});
}

void push_role::subscribe(protocol::subscribe_request request, domain::command_context context,
                          std::function<void(result<device_view>)> done) {
  const auto& env = *parts_->env;
  domain::subscription::subscribe command;
  if (const auto parts = judge_endpoint(request.endpoint, {env.options.allow_origins}); !parts)
    command.endpoint_problem = parts.error().text();
  if (const auto key = base64_decode(request.public_key); key && !is_p256_point(*key))
    command.key_problem = "must be a point on the curve P-256";
  command.endpoint = std::move(request.endpoint);
  command.p256dh = std::move(request.public_key);
  command.auth = std::move(request.auth);
  command.old_endpoint = std::move(request.old_endpoint);
  command.locale = choose_locale(request.locale, request.accept_language);
  if (env.bench.keys) command.vapid_key_id = env.bench.keys->current().id;
  while (command.row_version == 0) command.row_version = env.random->next_64();

  command_own_subscription(env, request.user, std::move(context), std::move(command),
                           [done = std::move(done)](const result<domain::erased_ptr>& reply) {
                             if (!reply) return done(reply.error());
                             auto saved = std::get<device_view>(domain::unerase<domain::subscription::reply>(**reply));
                             saved.replayed = (*reply)->replayed;
                             done(std::move(saved));
                           });
}

void push_role::remove_device(protocol::remove_device_request request, domain::command_context context,
                              std::function<void(result<protocol::device_removed>)> done) {
  auto& p = *parts_;
  if (p.stopped) return done(error{error_code::shutting_down});
  if (p.env->planner_failed) return done(error{error_code::unavailable, "the push role has failed"});
  auto slot = std::make_shared<reply_slot<protocol::device_removed>>(std::move(done));
  caf::anon_send(p.planner, remove_own_device{request, std::move(context), std::move(slot)});
}

result<protocol::push_key> push_role::current_key() const {
  const auto& keys = parts_->env->bench.keys;
  if (!keys) return error{error_code::unavailable, "push.mode console has no key"};
  const auto key = keys->current();
  return protocol::push_key{key.public_key, key.id};
}

std::string push_role::report_push() const {
  return report_push_json(metrics(), parts_->env->options);
}

std::string push_role::report_dead_letters(std::size_t limit) const {
  return report_dead_letters_json(*parts_->env->store.rows, limit);
}

void push_role::replay_dead_letter(std::string id, std::function<void(result<void>)> done) {
  if (parts_->stopped) return done(error{error_code::shutting_down});
  caf::anon_send(parts_->planner, replay_letter{std::move(id), std::make_shared<reply_slot<void>>(std::move(done))});
}

push_metrics push_role::metrics() const {
  return parts_->env->numbers.snapshot(parts_->env->clock->now());
}

std::vector<protocol::readiness_check> push_role::readiness() const {
  protocol::readiness_check subject{"push.subject", true, false, ""};
  protocol::readiness_check key{"push.key", true, false, ""};
  for (const auto& lane : parts_->env->numbers.lanes()) {
    if (lane.state == lane_state::no_subject) {
      subject.degraded = true;
      subject.reason = "push.subject is empty: deliveries to public push services wait until it is set";
    }
    if (lane.state == lane_state::key_refused) {
      key.degraded = true;
      key.reason += (key.reason.empty() ? "the push service refuses our VAPID key: " : ", ") + lane.origin;
    }
  }
  protocol::readiness_check planner{"push.planner", !parts_->env->planner_failed, false, ""};
  if (!planner.ok) planner.reason = "the push role has failed and takes no events: see the log, and start again";
  return {planner, subject, key};
}

void push_role::clock_was_set() {
  if (!parts_->stopped) caf::anon_send(parts_->planner, push::clock_was_set{});
}

}  // namespace social::push
