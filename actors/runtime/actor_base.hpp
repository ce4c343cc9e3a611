// The base class of every actor: counts, times, bounds and lists it. The only place that knows how to do so without
// patching CAF: it overrides `enqueue` (mailbox depth, shedding) and `consume` (every handled message).
#pragma once

#include <exception>
#include <memory>
#include <string>

#include <caf/event_based_actor.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/logger.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/base/log.hpp"
#include "actors/base/reply_slot.hpp"
#include "actors/runtime/node.hpp"

namespace social::runtime {

/// Answered by every actor with its redacted state as JSON.
struct inspect_request {
  id_t id = 0;  ///< whose: an actor may have become another in the meantime
  std::shared_ptr<reply_slot<std::string>> reply;
};

/// Identity and bounds of an actor.
struct actor_traits {
  std::string kind;
  id_t id = 0;
  shard_t shard = 0;
  std::int64_t mailbox_max = 0;  ///< requests beyond it are shed; 0: unbounded (internal actors with bounded senders)
};

/// `Base`: caf::event_based_actor or a caf::typed_event_based_actor. Class-based actors only.
/// Life: registered in the directory from construction until on_exit. A class that overrides `on_exit` clears every
/// handle it keeps there and calls this one last.
template <class Base>
class instrumented : public Base {
 public:
  instrumented(caf::actor_config& cfg, node_context& context, actor_traits traits)
      : Base(cfg), context_(context), mailbox_max_(traits.mailbox_max), stats_(std::make_shared<actor_stats>()) {
    stats_->kind = std::move(traits.kind);
    stats_->id = traits.id;
    stats_->shard = traits.shard;
    stats_->born_us = monotonic_us();
    stats_->last_active_us = stats_->born_us.load();
    context_.actors.enter(stats_, caf::weak_actor_ptr(this->ctrl()));
    silence_defaults();
  }

  using Base::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override {
    if (mailbox_max_ > 0 && stats_->mailbox_depth.load(std::memory_order_relaxed) >= mailbox_max_ &&
        shed(element->content())) {
      stats_->shed.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (this->mailbox().closed()) note_undelivered(*element);
    stats_->mailbox_depth.fetch_add(1, std::memory_order_relaxed);
    Base::enqueue(std::move(element), host);
  }

  /// CAF keeps a table, shared by all threads, of which thread runs which actor, and writes it four times for each turn
  /// of an actor: for a log that is compiled out. A thread without a logger leaves the table alone, which saves some
  /// twentieth of what the scheduler's threads do; CAF gives it one at its start and with each actor that it spawns.
  caf::resumable::resume_result resume(caf::execution_unit* host, std::size_t messages_max) override {
    if (caf::logger::current_logger() != nullptr) caf::logger::set_current_actor_system(nullptr);
    return Base::resume(host, messages_max);
  }

  void on_exit() override {
    note_left_behind();
    context_.actors.leave(*stats_);
    Base::on_exit();
  }

  const char* name() const override { return stats_->kind.c_str(); }

 protected:
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    const auto started = monotonic_ns();
    stats_->mailbox_depth.fetch_sub(1, std::memory_order_relaxed);
    auto& content = element.content();
    if (content.size() == 1) {
      // By address: every message of ours is made in this executable, and comparing names costs every message.
      if (content.type(0).second == &typeid(inspect_request)) {
        const auto& asked = content.template get_as<inspect_request>(0);
        asked.reply->answer(asked.id == stats_->id ? described() : error_code::not_found);
        return caf::invoke_message_result::consumed;
      }
      stats_->last_message.store(content.type(0).second, std::memory_order_relaxed);
    }
    const auto outcome = Base::consume(element);
    const auto ended = monotonic_ns();
    note_handled(static_cast<std::uint64_t>(ended - started), ended / 1000);
    return outcome;
  }

  /// The actor's state for people, as JSON, without secrets.
  virtual std::string state_json() const { return "{}"; }

  /// Called on the sender's thread when the mailbox is full. True: the message was a request, has been answered
  /// "overloaded" and is dropped. Control messages are never shed.
  virtual bool shed(caf::type_erased_tuple&) { return false; }

  /// Is not listed from here on; for one that tells somebody of its end, who may start the next.
  void unlist() { context_.actors.leave(*stats_); }
  /// From now on this actor is that one of its kind. By the actor itself.
  void rename(id_t id) noexcept { stats_->become(id); }

  [[nodiscard]] node_context& context() const { return context_; }
  [[nodiscard]] actor_stats& stats() const { return *stats_; }
  [[nodiscard]] std::string whoami() const { return stats_->kind + "/" + std::to_string(stats_->id.load()); }

 private:
  /// Looking never ends an actor.
  result<std::string> described() const {
    try {
      return state_json();
    } catch (const std::exception& thrown) {
      return error{error_code::internal, thrown.what()};
    }
  }

  /// On the sender's thread. Its own timers may fire after its end, and system messages are CAF's business.
  void note_undelivered(const caf::mailbox_element& element) {
    const auto& content = element.content();
    if (element.sender == this->ctrl() || content.empty() || content.type(0).first != 0) return;
    context_.dead_letters.add({context_.now(), "actor_gone", whoami(), message_name(*content.type(0).second)});
  }

  /// What waits in the mailbox of an actor that ends is dropped by CAF. Requests among it answer themselves.
  void note_left_behind() {
    const auto left = stats_->mailbox_depth.load(std::memory_order_relaxed);
    if (left <= 0) return;
    context_.dead_letters.add({context_.now(), "actor_gone", whoami(), std::to_string(left) + " waiting messages"},
                              static_cast<std::uint64_t>(left));
  }

  void note_handled(std::uint64_t ns, std::int64_t now_us) {
    auto& s = *stats_;
    s.messages_handled.store(s.messages_handled.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const auto rest = s.busy_ns_rest.load(std::memory_order_relaxed) + ns;
    s.busy_us.store(s.busy_us.load(std::memory_order_relaxed) + rest / 1000, std::memory_order_relaxed);
    s.busy_ns_rest.store(rest % 1000, std::memory_order_relaxed);
    s.last_active_us.store(now_us, std::memory_order_relaxed);
    s.handling.record(ns / 1000);
  }

  // CAF's default handlers print to stdout, which is a contract of ours.
  void silence_defaults() {
    this->set_default_handler([this](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
      const auto& content = view.content();
      const auto* type = !content.empty() ? content.type(0).second : nullptr;
      context_.dead_letters.add(
          {context_.now(), "unexpected_message", whoami(), type != nullptr ? message_name(*type) : "empty"});
      return caf::sec::unexpected_message;
    });
    this->set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {});
    this->set_error_handler(
        [this](caf::scheduled_actor*, caf::error&) { stats_->failures.fetch_add(1, std::memory_order_relaxed); });
    this->set_exception_handler([this](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
      stats_->failures.fetch_add(1, std::memory_order_relaxed);
      std::string what = "unknown exception";
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        what = e.what();
      } catch (...) {  // NOLINT(bugprone-empty-catch): named above
      }
      log::error("runtime", "an actor failed and stops", {{"actor", whoami()}, {"reason", what}});
      return caf::sec::runtime_error;
    });
  }

  node_context& context_;
  const std::int64_t mailbox_max_;
  std::shared_ptr<actor_stats> stats_;
};

}  // namespace social::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::inspect_request)
