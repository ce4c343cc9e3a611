// How a rule says what it decided.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "actors/domain/aggregate.hpp"

namespace social::domain {

/// Every violated field at once, so that a person corrects a form in one go.
inline error invalid_fields(std::vector<field_error> fields) {
  error refusal(error_code::invalid_input);
  refusal.fields = std::move(fields);
  return refusal;
}

/// What cannot be when shells keep their word: said to the operator, not to the caller, and nothing happens.
inline error impossible(std::string what) {
  return {error_code::internal, std::move(what)};
}

/// The command is fine and changes nothing.
template <class Event>
decision<Event> nothing_happened() {
  return {};
}

template <class Event>
decision<Event> happened(Event event) {
  decision<Event> outcome;
  outcome.events.push_back(std::move(event));
  return outcome;
}

}  // namespace social::domain
