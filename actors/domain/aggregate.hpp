// What an aggregate is. A new one is a folder with these members and one line of registration (docs/architecture.md).
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <variant>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/record.hpp"
#include "actors/base/result.hpp"
#include "actors/domain/row.hpp"

namespace social::domain {

/// Kinds of aggregates. Numbers are frozen: they are in keys, ids' sequences and journal records. 200 and above: tests.
enum class aggregate_kind : std::uint8_t { user = 1, post = 2, comment = 3, subscription = 4 };

/// Names a command, so that repeating it is safe (idempotency.hpp).
struct idempotency_mark {
  std::string key;          ///< as the caller chose it; empty: none
  std::string scope;        ///< whose key it is where nobody is signed in: a lower-cased e-mail; empty: the caller's
  std::string fingerprint;  ///< of what is asked, without secrets; the same key with another one is refused
  [[nodiscard]] bool given() const { return !key.empty(); }
};

/// What comes with a command besides its own fields. Everything a rule may know of the world is here or in `facts`.
struct command_context {
  timestamp_t now = 0;  ///< when the command was accepted
  id_t self = 0;        ///< the aggregate's id
  id_t caller = 0;      ///< the authenticated user; 0: nobody (joining) or the system
  id_t new_id = 0;      ///< an id taken for this command when it declared `needs_id`
  std::string trace;    ///< W3C traceparent; carried into the journal
  idempotency_mark idempotency;
};

/// Rows looked up for a command, in the order of `lookups`; a row that is not there is nullopt.
class facts {
 public:
  facts() = default;
  explicit facts(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}

  [[nodiscard]] bool has(std::size_t index) const { return index < values_.size() && values_[index].has_value(); }
  /// The decoded row, or nothing when it is absent. Throws std::runtime_error on bytes that do not decode: the entity
  /// fails loudly instead of deciding on damaged data.
  template <record T>
  [[nodiscard]] std::optional<T> get(std::size_t index) const {
    if (!has(index)) return std::nullopt;
    auto decoded = decode_record<T>(*values_[index]);
    if (!decoded) throw std::runtime_error("damaged row: " + std::string(decoded.error().text()));
    return std::move(*decoded);
  }

 private:
  std::vector<std::optional<std::string>> values_;
};

/// Type-erased value that travels inside a node (a command, a reply).
struct erased {
  virtual ~erased() = default;
  bool replayed = false;  ///< a reply: the stored outcome of an earlier command, which was not carried out again
};
template <class T>
struct erased_value final : erased {
  explicit erased_value(T v) : value(std::move(v)) {}
  T value;
};
using erased_ptr = std::shared_ptr<const erased>;
template <class T>
erased_ptr erase(T value) {
  return std::make_shared<const erased_value<T>>(std::move(value));
}
template <class T>
erased_ptr erase_replayed(T value) {
  auto made = std::make_shared<erased_value<T>>(std::move(value));
  made->replayed = true;
  return made;
}
/// Programmer error (std::bad_cast) when the value is of another type.
template <class T>
const T& unerase(const erased& value) {
  if (typeid(value) != typeid(erased_value<T>)) throw std::bad_cast();
  return static_cast<const erased_value<T>&>(value).value;
}

/// A command for a child aggregate that must be decided together with its parent's: its events are committed in the
/// parent's batch, and its reply becomes the reply.
struct child_command {
  aggregate_kind kind;
  id_t id = 0;
  bool fresh = false;  ///< the child does not exist yet: nothing is read
  erased_ptr command;  ///< the child's command variant
};

template <class Event>
struct decision {
  std::vector<Event> events;
  std::optional<child_command> child;
};

/// The members each aggregate has, as static functions of a tag type A:
///   kind, name                         number and word of the aggregate
///   state, command, event, reply       plain structs; command, event and reply are variants
///   state: a record; `exists()` says whether it has been created
///   each event: a record with `static constexpr std::uint16_t type` (frozen) and `name`
///   each reply: a record, because it is stored under an idempotency key; alternatives are only ever appended
///   decide(state, facts, context, command) -> result<decision<event>>
///   apply(state, event)                never fails
///   project(event, state_after, sink)  rows that follow from the event (views); not the state row
///   answer(state_after, facts, context, command) -> reply
/// Optional:
///   lookups(command, context, keys)    rows to look up first, appended to a vector
///   looks_back(key) -> bool            whether `lookups` may name this row, which the aggregate or a child of it has
///                                      written; without it, any. Only these are kept in memory until they are durable
///   needs_id(command) -> bool          take a new id of this aggregate's kind for `new_id` and create it under that id
///   child_kind(command) -> optional<aggregate_kind>   take a new id of that kind instead (for a child)
///   unique_key(command) -> string      commands with the same key in a shard are decided one after the other
///   counts(state&) -> a record&        part of the state kept in a row of its own, comparable; nought needs no row
///   only_counts(event) -> bool         this event changes nothing but `counts`
///   redacted(state) -> string          JSON for the inspection API, without secrets
template <class A>
concept aggregate =
    record<typename A::state> &&
    requires(typename A::state& state, const typename A::state& seen, const typename A::command& command,
             const typename A::event& event, const command_context& context, const facts& found, row_sink& sink) {
      { A::kind } -> std::convertible_to<aggregate_kind>;
      { A::name } -> std::convertible_to<std::string_view>;
      { seen.exists() } -> std::same_as<bool>;
      { A::decide(seen, found, context, command) } -> std::same_as<result<decision<typename A::event>>>;
      { A::apply(state, event) };
      { A::project(event, seen, sink) };
      { A::answer(seen, found, context, command) } -> std::same_as<typename A::reply>;
      { A::redacted(seen) } -> std::convertible_to<std::string>;
    };

/// One event as it stands in the journal.
struct encoded_event {
  aggregate_kind kind;
  id_t id = 0;
  std::uint16_t type = 0;
  std::string bytes;  ///< encode_record of the event
  template <class V>
  void fields(V& v) {
    v(kind, id, type, bytes);
  }
};

template <class A>
encoded_event encode_event(id_t id, const typename A::event& event) {
  return std::visit(
      [&](const auto& e) { return encoded_event{A::kind, id, std::decay_t<decltype(e)>::type, encode_record(e)}; },
      event);
}

namespace detail {
template <class Variant, std::size_t I = 0>
result<void> decode_alternative(std::uint16_t type, std::string_view bytes, Variant& out) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return error{error_code::corrupt_record, "unknown event type " + std::to_string(type)};
  } else {
    using alternative = std::variant_alternative_t<I, Variant>;
    if (alternative::type == type) {
      auto* kept = std::get_if<alternative>(&out);
      return decode_record_over(bytes, kept != nullptr ? *kept : out.template emplace<alternative>());
    }
    return decode_alternative<Variant, I + 1>(type, bytes, out);
  }
}
}  // namespace detail

/// Errors: corrupt_record for an unknown type or bytes that do not decode.
template <class A>
result<typename A::event> decode_event(std::uint16_t type, std::string_view bytes) {
  typename A::event event;
  if (const auto done = detail::decode_alternative(type, bytes, event); !done) return done.error();
  return event;
}

/// The same into an event whose memory may be of use again (see decode_record_over).
template <class A>
result<void> decode_event_over(std::uint16_t type, std::string_view bytes, typename A::event& event) {
  return detail::decode_alternative(type, bytes, event);
}

}  // namespace social::domain
