// The token generation of each user, as this node knows it.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "actors/base/ids.hpp"

namespace social::http::auth {

/// Written by events and by whoever had to ask the store. A generation only rises, so the order of writers does not
/// matter: a read that is older than an event cannot undo it. Any thread; a reader takes one of 64 shared locks.
/// Bounded: beyond the limit another entry leaves and is asked for again when it is needed.
class generation_table {
 public:
  explicit generation_table(std::size_t entries_max);

  /// Ignored when a higher one is known.
  void set(id_t user, std::uint64_t generation);
  /// Nothing: ask the store.
  [[nodiscard]] std::optional<std::uint64_t> find(id_t user) const;
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t parts = 64;
  struct alignas(64) part {
    mutable std::shared_mutex lock;
    std::unordered_map<id_t, std::uint64_t> generations;
  };
  part& part_of(id_t user) noexcept;
  [[nodiscard]] const part& part_of(id_t user) const noexcept;
  void make_room(part& where);

  std::size_t part_max_;
  std::array<part, parts> parts_;
};

}  // namespace social::http::auth
