// `verify`: the stores of a data directory that no process has open, looked through from end to end.
#pragma once

#include <functional>
#include <string>

#include "actors/verify/store_view.hpp"
#include "config/process.hpp"
#include "config/settings.hpp"

namespace social::compose {

/// The rules that an executable knows; what is empty is not looked at. Each returns what it has seen, for people.
struct verifiers {
  std::function<std::string(const verify::store_view&)> api;
  /// `api_log`: the journal that the push role of the same process reads; null when it is not there.
  std::function<std::string(const verify::store_view&, const ports::journal* api_log)> push;
};

/// Changes nothing on disk. stdout: a line for each store and one for each finding, of each kind and store at most a
/// hundred. Exit code 0: nothing was found. 3, with one sentence on stderr: something was, or a store is locked, does
/// not open, or is not there.
config::exit_code verify_stores(const config::settings& settings, const verifiers& with);

}  // namespace social::compose
