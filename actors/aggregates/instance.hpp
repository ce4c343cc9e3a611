// One aggregate instance without its type: the pure rules of actors/domain behind virtual functions, so that one entity
// shell serves them all. No CAF in here; deterministic tests drive it directly.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/domain/aggregate.hpp"

namespace social::aggregates {

/// A decision that was not carried out yet.
class plan {
 public:
  virtual ~plan() = default;
  std::optional<domain::child_command> child;
  bool changes = false;  ///< there are events
};

/// What a carried-out plan leaves for the commit.
struct step {
  std::vector<domain::encoded_event> events;
  std::vector<domain::row_change> rows;
  domain::erased_ptr reply;  ///< none where a child answers
};

class aggregate_instance {
 public:
  virtual ~aggregate_instance() = default;
  /// Rows that hold the state, in the order `load` wants them.
  [[nodiscard]] virtual std::vector<domain::row_key> state_keys(id_t id) const = 0;
  /// Throws std::runtime_error on bytes that do not decode.
  virtual void load(const std::vector<std::optional<std::string>>& rows) = 0;
  /// Whether `lookups` may name this row, which a command of this aggregate, or of a child of it, has written.
  [[nodiscard]] virtual bool looks_back(const domain::row_key& key) const = 0;
  virtual void lookups(const domain::erased& command, const domain::command_context& context,
                       std::vector<domain::row_key>& keys) const = 0;
  [[nodiscard]] virtual result<std::unique_ptr<plan>> decide(const domain::erased& command,
                                                             const domain::command_context& context,
                                                             const domain::facts& facts) const = 0;
  /// Applies the plan's events to the in-memory state and says what to write.
  virtual step carry_out(plan& decided, const domain::erased& command, const domain::command_context& context,
                         const domain::facts& facts) = 0;
  /// The reply of a command that changes nothing.
  [[nodiscard]] virtual domain::erased_ptr answer(const domain::erased& command, const domain::command_context& context,
                                                  const domain::facts& facts) const = 0;
  /// As if it had just been made.
  virtual void forget() = 0;
  [[nodiscard]] virtual bool exists() const = 0;
  [[nodiscard]] virtual std::string redacted() const = 0;
};

template <domain::aggregate A>
class instance_of final : public aggregate_instance {
  static constexpr bool has_counts = requires(typename A::state& s) { A::counts(s); };
  static constexpr bool has_lookups = requires { &A::lookups; };

 public:
  [[nodiscard]] std::vector<domain::row_key> state_keys(id_t id) const override {
    std::vector<domain::row_key> keys{state_key(id)};
    if constexpr (has_counts) keys.push_back(counts_key(id));
    return keys;
  }

  void load(const std::vector<std::optional<std::string>>& rows) override {
    if (rows.empty() || !rows[0]) return;
    state_ = decoded<typename A::state>(*rows[0]);
    if constexpr (has_counts) {
      using counts_type = std::remove_reference_t<decltype(A::counts(state_))>;
      if (rows.size() > 1 && rows[1]) A::counts(state_) = decoded<counts_type>(*rows[1]);
    }
  }

  [[nodiscard]] bool looks_back([[maybe_unused]] const domain::row_key& key) const override {
    if constexpr (requires { A::looks_back(key); }) return A::looks_back(key);
    return has_lookups;
  }

  void lookups([[maybe_unused]] const domain::erased& command, [[maybe_unused]] const domain::command_context& context,
               [[maybe_unused]] std::vector<domain::row_key>& keys) const override {
    if constexpr (has_lookups) A::lookups(typed(command), context, keys);
  }

  [[nodiscard]] result<std::unique_ptr<plan>> decide(const domain::erased& command,
                                                     const domain::command_context& context,
                                                     const domain::facts& facts) const override {
    auto decided = A::decide(state_, facts, context, typed(command));
    if (!decided) return decided.error();
    auto made = std::make_unique<typed_plan>();
    made->child = std::move(decided->child);
    made->events = std::move(decided->events);
    made->changes = !made->events.empty();
    return std::unique_ptr<plan>(std::move(made));
  }

  step carry_out(plan& decided, const domain::erased& command, const domain::command_context& context,
                 const domain::facts& facts) override {
    step out;
    bool writes_state = false;
    bool writes_counts = false;
    domain::row_sink sink(out.rows);
    for (const auto& event : static_cast<typed_plan&>(decided).events) {
      A::apply(state_, event);
      A::project(event, state_, sink);
      out.events.push_back(domain::encode_event<A>(context.self, event));
      const bool counts_alone = has_only_counts(event);
      writes_state |= !counts_alone;
      writes_counts = true;
    }
    if (writes_state) out.rows.push_back({state_key(context.self), encode_record(state_)});
    // Counts that were never anything but nought have no row: whoever reads them takes a missing one for that.
    if constexpr (has_counts) {
      auto& counts = A::counts(state_);
      const bool created = writes_state && counts == std::remove_reference_t<decltype(counts)>{};
      if (writes_counts && !created) out.rows.push_back({counts_key(context.self), encode_record(counts)});
    }
    if (!decided.child) out.reply = answer(command, context, facts);
    return out;
  }

  [[nodiscard]] domain::erased_ptr answer(const domain::erased& command, const domain::command_context& context,
                                          const domain::facts& facts) const override {
    return domain::erase<typename A::reply>(A::answer(state_, facts, context, typed(command)));
  }

  void forget() override { state_ = {}; }
  [[nodiscard]] bool exists() const override { return state_.exists(); }
  [[nodiscard]] std::string redacted() const override { return A::redacted(state_); }

 private:
  struct typed_plan final : plan {
    std::vector<typename A::event> events;
  };
  static const typename A::command& typed(const domain::erased& command) {
    return domain::unerase<typename A::command>(command);
  }
  static domain::row_key state_key(id_t id) {
    return {domain::table::state, static_cast<std::uint64_t>(A::kind), id, {}};
  }
  static domain::row_key counts_key(id_t id) {
    return {domain::table::counts, static_cast<std::uint64_t>(A::kind), id, {}};
  }
  template <class T>
  static T decoded(const std::string& bytes) {
    auto value = decode_record<T>(bytes);
    if (!value)
      throw std::runtime_error("damaged " + std::string(A::name) + " state: " + std::string(value.error().text()));
    return std::move(*value);
  }
  static bool has_only_counts(const typename A::event& event) {
    if constexpr (requires { A::only_counts(event); })
      return A::only_counts(event);
    else
      return false;
  }

  typename A::state state_{};
};

}  // namespace social::aggregates
