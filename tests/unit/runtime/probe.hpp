// An actor that does what a test wants of it.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>

#include "actors/runtime/actor_base.hpp"

namespace social::runtime::test {

/// A request: sheds and is answered through `reply`.
struct work {
  std::function<void()> what;
  std::shared_ptr<reply_slot<int>> reply;
};
/// Never shed.
struct control {
  std::function<void()> what;
};
struct unknown_message {};
/// Sends itself a `control` in a second.
struct set_timer {};
/// Takes that number.
struct take_number {
  id_t id = 0;
};

using probe_actor = caf::typed_actor<caf::reacts_to<work>, caf::reacts_to<control>, caf::reacts_to<set_timer>,
                                     caf::reacts_to<take_number>>;

class probe final : public instrumented<probe_actor::base> {
 public:
  using super = instrumented<probe_actor::base>;
  probe(caf::actor_config& cfg, node_context& node, id_t id, std::int64_t mailbox_max = 0,
        std::function<std::string()> state = {})
      : super(cfg, node, {"probe", id, 3, mailbox_max}), state_(std::move(state)) {}

  behavior_type make_behavior() override {
    return {
        [](work& message) {
          if (message.what) message.what();
          if (message.reply) message.reply->answer(1);
        },
        [](control& message) {
          if (message.what) message.what();
        },
        [this](set_timer) { delayed_send(this, std::chrono::seconds(1), control{}); },
        [this](const take_number& message) { rename(message.id); },
    };
  }

 protected:
  std::string state_json() const override { return state_ ? state_() : R"({"probe":true})"; }
  bool shed(caf::type_erased_tuple& content) override {
    if (content.size() != 1 || !content.match_element<work>(0)) return false;
    if (auto& reply = content.get_mutable_as<work>(0).reply) reply->answer(error_code::overloaded);
    return true;
  }

 private:
  std::function<std::string()> state_;
};

}  // namespace social::runtime::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::test::work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::test::control)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::test::unknown_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::test::set_timer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(social::runtime::test::take_number)
