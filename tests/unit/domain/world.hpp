// A world without actors: rows in a map, every command decided, applied, projected and written at once. What the shells
// do over disk and threads, in the fewest lines, so that rules can be tested in sequences.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/domain/aggregate.hpp"
#include "actors/domain/comment/comment.hpp"
#include "actors/domain/post/post.hpp"
#include "actors/domain/subscription/subscription.hpp"
#include "actors/domain/user/user.hpp"
#include "tests/support/catch.hpp"

namespace social::domain::test {

inline constexpr timestamp_t noon = 1'795'449'600'000;

/// Facts from rows that are there; an absent one is `std::nullopt`.
template <class... Rows>
facts found(const Rows&... rows) {
  const auto bytes = []<class Row>(const Row& row) -> std::optional<std::string> {
    if constexpr (std::is_same_v<Row, std::nullopt_t>)
      return std::nullopt;
    else
      return encode_record(row);
  };
  return facts({bytes(rows)...});
}

template <class A>
std::vector<row_key> keys_for(const typename A::command& c, const command_context& context) {
  std::vector<row_key> keys;
  if constexpr (requires { &A::lookups; }) A::lookups(c, context, keys);
  return keys;
}

template <class A>
std::vector<row_change> rows_of(const typename A::event& e, const typename A::state& after) {
  std::vector<row_change> rows;
  row_sink sink(rows);
  A::project(e, after, sink);
  return rows;
}

inline row_key state_key(aggregate_kind kind, id_t id) {
  return {table::state, static_cast<std::uint64_t>(kind), id, {}};
}

class world {
 public:
  std::unordered_map<row_key, std::string, row_key_hash> rows;
  std::vector<encoded_event> journal;
  timestamp_t now = noon;

  [[nodiscard]] id_t new_id() { return ++last_id_; }

  template <class A>
  [[nodiscard]] typename A::state load(id_t id) const {
    typename A::state s;
    if (const auto row = rows.find(state_key(A::kind, id)); row != rows.end())
      s = decode_record<typename A::state>(row->second).value();
    if constexpr (requires { A::counts(s); }) {
      if (const auto row = rows.find(counts_key(A::kind, id)); row != rows.end())
        A::counts(s) = decode_record<post::counts>(row->second).value();
    }
    return s;
  }

  template <class A>
  result<typename A::reply> run(id_t self, id_t caller, const typename A::command& c) {
    command_context context;
    context.now = ++now;
    context.self = self;
    context.caller = caller;
    if constexpr (requires { A::child_kind(c); })
      if (A::child_kind(c)) context.new_id = new_id();
    auto s = load<A>(self);
    const auto f = look_up<A>(c, context);
    auto decided = A::decide(s, f, context, c);
    if (!decided) return decided.error();
    if (decided->child) run_child(*decided->child, caller);
    for (const auto& e : decided->events) write<A>(s, e, self);
    return A::answer(s, f, context, c);
  }

  template <class A>
  [[nodiscard]] facts look_up(const typename A::command& c, const command_context& context) const {
    std::vector<std::optional<std::string>> values;
    for (const auto& key : keys_for<A>(c, context)) {
      const auto row = rows.find(key);
      values.push_back(row == rows.end() ? std::nullopt : std::optional(row->second));
    }
    return facts(std::move(values));
  }

  /// The events of one aggregate, decoded from the journal and applied to nothing.
  template <class A>
  [[nodiscard]] typename A::state replayed(id_t id) const {
    typename A::state s;
    for (const auto& e : journal)
      if (e.kind == A::kind && e.id == id) A::apply(s, decode_event<A>(e.type, e.bytes).value());
    return s;
  }

  [[nodiscard]] std::size_t count(table where, std::uint64_t a) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(rows, [&](const auto& row) { return row.first.where == where && row.first.a == a; }));
  }

 private:
  static row_key counts_key(aggregate_kind kind, id_t id) {
    return {table::counts, static_cast<std::uint64_t>(kind), id, {}};
  }

  void run_child(const child_command& child, id_t caller) {
    REQUIRE(child.kind == aggregate_kind::comment);
    REQUIRE(child.fresh);
    REQUIRE(run<comment_aggregate>(child.id, caller, unerase<comment::command>(*child.command)));
  }

  template <class A>
  void write(typename A::state& s, const typename A::event& e, id_t self) {
    const auto before = encode_record(s);
    A::apply(s, e);
    auto changes = rows_of<A>(e, s);
    journal.push_back(encode_event<A>(self, e));
    if constexpr (requires { A::only_counts(e); }) {
      if (A::only_counts(e)) REQUIRE(encode_record(s) == before);
    }
    changes.push_back({state_key(A::kind, self), encode_record(s)});
    if constexpr (requires { A::counts(s); })
      changes.push_back({counts_key(A::kind, self), encode_record(A::counts(s))});
    for (auto& [key, value] : changes) {
      if (value) {
        rows[key] = *value;
      } else {
        rows.erase(key);
      }
    }
  }

  id_t last_id_ = 0;
};

inline user::command joining(std::string name, std::string email) {
  return user::join{std::move(name), std::move(email), "$argon2id$hash", 77};
}

inline person person_of(id_t id, std::string name) {
  return {id, name, name + "@example.org", std::nullopt};
}

inline std::vector<std::string> fields_of(const error& e) {
  std::vector<std::string> names;
  for (const auto& field : e.fields) {
    CHECK_FALSE(field.reason.empty());
    names.push_back(field.field);
  }
  return names;
}

}  // namespace social::domain::test
