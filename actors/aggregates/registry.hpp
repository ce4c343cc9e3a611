// The aggregates a node serves. Registering one is one line: `registry.add<domain::post_aggregate>()`.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "actors/aggregates/instance.hpp"
#include "actors/domain/idempotency.hpp"

namespace social::aggregates {

/// What shards and entities need to know of a kind without its type.
struct descriptor {
  domain::aggregate_kind kind{};
  std::string name;
  std::unique_ptr<aggregate_instance> (*make)() = nullptr;
  bool (*needs_id)(const domain::erased&) = nullptr;
  std::optional<domain::aggregate_kind> (*child_kind)(const domain::erased&) = nullptr;
  std::string (*unique_key)(const domain::erased&) = nullptr;
  /// A reply as it is stored under an idempotency key, and back; the latter is marked as replayed.
  std::string (*encode_reply)(const domain::erased&) = nullptr;
  result<domain::erased_ptr> (*decode_reply)(std::string_view) = nullptr;
};

class registry {
 public:
  template <domain::aggregate A>
  registry& add() {
    descriptor d;
    d.kind = A::kind;
    d.name = std::string(A::name);
    d.make = [] { return std::unique_ptr<aggregate_instance>(std::make_unique<instance_of<A>>()); };
    d.needs_id = [](const domain::erased& c) {
      if constexpr (requires { A::needs_id(command_of<A>(c)); })
        return A::needs_id(command_of<A>(c));
      else
        return false;
    };
    d.child_kind = [](const domain::erased& c) -> std::optional<domain::aggregate_kind> {
      if constexpr (requires { A::child_kind(command_of<A>(c)); })
        return A::child_kind(command_of<A>(c));
      else
        return std::nullopt;
    };
    d.unique_key = [](const domain::erased& c) {
      if constexpr (requires { A::unique_key(command_of<A>(c)); })
        return A::unique_key(command_of<A>(c));
      else
        return std::string();
    };
    d.encode_reply = [](const domain::erased& r) {
      return domain::encode_reply(domain::unerase<typename A::reply>(r));
    };
    d.decode_reply = [](std::string_view bytes) -> result<domain::erased_ptr> {
      auto reply = domain::decode_reply<typename A::reply>(bytes);
      if (!reply) return reply.error();
      return domain::erase_replayed<typename A::reply>(std::move(*reply));
    };
    by_kind_[static_cast<std::uint8_t>(A::kind)] = std::make_unique<descriptor>(std::move(d));
    return *this;
  }
  /// Null: not served here.
  [[nodiscard]] const descriptor* find(domain::aggregate_kind kind) const {
    return by_kind_[static_cast<std::uint8_t>(kind)].get();
  }

 private:
  template <class A>
  static const typename A::command& command_of(const domain::erased& c) {
    return domain::unerase<typename A::command>(c);
  }
  std::array<std::unique_ptr<descriptor>, 256> by_kind_;
};

}  // namespace social::aggregates
