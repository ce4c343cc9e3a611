// Rows as they will be: what is committed, with the changes of a commit that is being put together laid over it.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/base/log.hpp"
#include "actors/ports/store.hpp"

namespace social::push {

/// Owned by one function on one thread that may block: it reads with the tier `disk`. A failed read is remembered in
/// `failure`, and whatever was planned on it must not be committed; one damaged row stops nothing but itself.
class draft {
 public:
  explicit draft(const ports::row_reader& rows) : rows_(rows) {}

  template <record T>
  [[nodiscard]] std::optional<T> get(const domain::row_key& key) {
    const auto& bytes = bytes_of(key);
    if (!bytes) return std::nullopt;
    auto decoded = decode_record<T>(*bytes);
    if (decoded) return std::move(*decoded);
    log::error("push", "a damaged row is taken as absent",
               {{"table", static_cast<int>(key.where)}, {"a", key.a}, {"reason", decoded.error().text()}});
    return std::nullopt;
  }
  [[nodiscard]] bool has(const domain::row_key& key) { return bytes_of(key).has_value(); }

  template <record T>
  void put(const domain::row_key& key, const T& value) {
    change(key, encode_record(value));
  }
  void put_empty(const domain::row_key& key) { change(key, std::string()); }
  void erase(const domain::row_key& key) { change(key, std::nullopt); }

  /// Reads many at once, for the `get`s that follow.
  void prefetch(const std::vector<domain::row_key>& keys) {
    std::vector<domain::row_key> missing;
    for (const auto& key : keys)
      if (!known_.contains(key)) missing.push_back(key);
    const auto found = rows_.get_many(missing, ports::read_tier::disk);
    for (std::size_t i = 0; i < missing.size(); ++i) remember(missing[i], found[i]);
  }

  [[nodiscard]] const std::optional<error>& failure() const { return failure_; }
  /// One change per row, in the order of first touch.
  [[nodiscard]] std::vector<domain::row_change> take_changes() {
    std::vector<domain::row_change> out;
    out.reserve(order_.size());
    for (auto& key : order_) out.push_back({key, std::move(known_[key].bytes)});
    order_.clear();
    known_.clear();
    return out;
  }

 private:
  struct cell {
    std::optional<std::string> bytes;
    bool changed = false;
  };

  const std::optional<std::string>& bytes_of(const domain::row_key& key) {
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second.bytes;
    return remember(key, rows_.get(key, ports::read_tier::disk));
  }
  const std::optional<std::string>& remember(const domain::row_key& key, const ports::row_value& read) {
    auto& cell = known_[key];
    if (read.what == ports::row_value::status::found) cell.bytes = read.bytes;
    if (read.what == ports::row_value::status::failed || read.what == ports::row_value::status::would_block)
      failure_ = read.failure;
    return cell.bytes;
  }
  void change(const domain::row_key& key, std::optional<std::string> value) {
    auto& cell = known_[key];
    if (!cell.changed) order_.push_back(key);
    cell.changed = true;
    cell.bytes = std::move(value);
  }

  const ports::row_reader& rows_;
  std::unordered_map<domain::row_key, cell, domain::row_key_hash> known_;
  std::vector<domain::row_key> order_;
  std::optional<error> failure_;
};

}  // namespace social::push
