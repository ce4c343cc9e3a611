// Replaying one kind of aggregate through its own rules.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "actors/verify/replay.hpp"

namespace social::verify {

/// `Rules` says what `A::apply` only asserts:
///   begins(event type) -> bool                   an entity's first event, and never a later one
///   misfit(state, id, event) -> const char*      why the event cannot follow upon the state; null: it can
template <domain::aggregate A, class Rules>
class replayed_as final : public replayed {
  static constexpr bool has_counts = requires(typename A::state& s) { A::counts(s); };
  static auto counts_of(typename A::state& state) {
    if constexpr (has_counts)
      return A::counts(state);
    else
      return typename A::state{};
  }
  using counts_type = decltype(counts_of(std::declval<typename A::state&>()));

 public:
  explicit replayed_as(id_t id) : id_(id) {}

  static replayed_kind kind() {
    return {A::kind, [](id_t id) { return std::unique_ptr<replayed>(std::make_unique<replayed_as>(id)); },
            [](std::uint16_t type) { return Rules::begins(type); }};
  }

  std::optional<std::string> feed(std::uint16_t type, std::string_view bytes,
                                  std::vector<domain::row_change>& views) override {
    const auto event = domain::decode_event<A>(type, bytes);
    if (!event) return std::string(event.error().text());
    if (const char* why = Rules::misfit(state_, id_, *event)) return std::string(why);
    A::apply(state_, *event);
    domain::row_sink sink(views);
    A::project(*event, state_, sink);
    return std::nullopt;
  }

  [[nodiscard]] std::vector<domain::row_change> rows() const override {
    std::vector<domain::row_change> out;
    domain::row_sink sink(out);
    sink.put(key(domain::table::state), state_);
    if constexpr (has_counts) sink.put(key(domain::table::counts), A::counts(const_cast<typename A::state&>(state_)));
    return out;
  }

  [[nodiscard]] bool may_be_missing(const domain::row_change& row) const override {
    if constexpr (has_counts)
      return row.key.where == domain::table::counts && row.value == encode_record(counts_type{});
    return false;
  }

  [[nodiscard]] std::string renewed(const domain::row_key& at, const std::string& bytes) const override {
    if constexpr (has_counts)
      if (at.where == domain::table::counts) return again<counts_type>(bytes);
    return again<typename A::state>(bytes);
  }

 private:
  [[nodiscard]] domain::row_key key(domain::table where) const {
    return {where, static_cast<std::uint64_t>(A::kind), id_, {}};
  }
  template <record T>
  static std::string again(const std::string& bytes) {
    if (!bytes.empty() && static_cast<std::uint8_t>(bytes.front()) == T::version) return bytes;
    const auto value = decode_record<T>(bytes);
    return value ? encode_record(*value) : bytes;
  }

  id_t id_;
  typename A::state state_{};
};

}  // namespace social::verify
