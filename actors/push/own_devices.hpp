// What people ask of their own devices.
#pragma once

#include "actors/push/actors.hpp"
#include "actors/push/environment.hpp"

namespace social::push {

/// Reads which endpoint the device has, so that its endpoint row goes with it, and commands the person's Subscription,
/// which decides upon what is there by then. Answers the message's slot. For a thread that may block.
void remove_device_of(const environment& env, const remove_own_device& message);

}  // namespace social::push
