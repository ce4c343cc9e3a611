// Whether the first VAPID key may be made: not when devices are bound to keys that are missing.
#pragma once

#include <filesystem>

#include "actors/base/result.hpp"
#include "actors/ports/store.hpp"

namespace social::push {

struct key_places {
  std::filesystem::path wanted;  ///< where keys are looked for
  std::filesystem::path usual;   ///< below the data directory: where a restore puts them
  std::filesystem::path store;   ///< the push store
};

/// Devices were subscribed under a key: a new one would silence all of them. Ok while the store has none. Blocks.
/// Errors: io_error with a sentence that says what to do, those of the store.
result<void> check_first_key(const ports::row_reader& rows, const key_places& at);

/// For commands that do not open the store: refuses when there is one, which may have devices. Errors: io_error.
result<void> check_first_key_of_command(bool is_store_there, const key_places& at);

}  // namespace social::push
