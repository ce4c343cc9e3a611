// Which ids there are, in bounded memory.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "actors/verify/store_view.hpp"

namespace social::verify {

/// Ids come in blocks, so a bit for each number is little: 2 MiB for eight million ids. Beyond `pages_max` pages (of 8
/// KiB) ids are looked up in the store instead. Owned and used by one thread.
class id_set {
 public:
  id_set(const store_view& store, domain::aggregate_kind kind, std::size_t pages_max = 4096)
      : store_(store), kind_(kind), pages_max_(pages_max) {}

  void add(id_t id) {
    const auto number = id / page_bits;
    auto page = pages_.find(number);
    if (page == pages_.end()) {
      if (pages_.size() == pages_max_) {
        is_whole_ = false;
        return;
      }
      page = pages_.emplace(number, std::make_unique<page_type>()).first;
    }
    page->second->set(id % page_bits);
  }

  [[nodiscard]] bool has(id_t id) const {
    const auto page = pages_.find(id / page_bits);
    if (page != pages_.end()) return page->second->test(id % page_bits);
    if (is_whole_) return false;
    const domain::row_key key{domain::table::state, static_cast<std::uint64_t>(kind_), id, {}};
    return store_.rows.get(key, ports::read_tier::disk).what == ports::row_value::status::found;
  }

 private:
  static constexpr std::size_t page_bits = 65536;
  using page_type = std::bitset<page_bits>;

  const store_view& store_;
  domain::aggregate_kind kind_;
  std::size_t pages_max_;
  bool is_whole_ = true;
  std::unordered_map<std::uint64_t, std::unique_ptr<page_type>> pages_;
};

}  // namespace social::verify
