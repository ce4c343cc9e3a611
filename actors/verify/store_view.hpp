// What the checks of a store are given, and what they share.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "actors/base/record.hpp"
#include "actors/ports/finding.hpp"
#include "actors/ports/store.hpp"

namespace social::verify {

/// A store that nobody writes. The checks read it with the tier `disk`, on the thread that calls them.
struct store_view {
  const ports::row_reader& rows;
  const ports::journal& log;
  /// Sequences of this kind and shard below it may have been given out; see ports::id_source.
  std::function<std::uint64_t(domain::aggregate_kind, shard_t)> ids_below;
  ports::finding_sink report;

  void found(std::string kind, const domain::row_key& key, std::string reason) const {
    report({std::move(kind), ports::name_of(key), std::move(reason)});
  }
};

/// The record of a row, or a finding and nothing.
template <record T>
std::optional<T> decoded(const store_view& store, const ports::scanned_row& row) {
  auto value = decode_record<T>(row.bytes);
  if (value) return std::move(*value);
  store.found("decode", row.key, std::string(value.error().text()));
  return std::nullopt;
}

/// A row looked up by its key: absent is nothing, and so is one that does not decode or cannot be read, of which the
/// pass over its own table tells.
template <record T>
std::optional<T> looked_up(const store_view& store, const domain::row_key& key) {
  const auto read = store.rows.get(key, ports::read_tier::disk);
  if (read.what != ports::row_value::status::found) return std::nullopt;
  auto value = decode_record<T>(read.bytes);
  return value ? std::optional(std::move(*value)) : std::nullopt;
}

/// A row whose key says everything.
void expect_empty(const store_view& store, const ports::scanned_row& row);

/// An id of an aggregate: positive, below 2^53 and below the end of the ids that may have been given out.
void check_id(const store_view& store, const domain::row_key& key, domain::aggregate_kind kind, id_t id);

/// Rows that no rule of this store knows; a few of each table are named.
void check_foreign_tables(const store_view& store, const std::function<bool(domain::table)>& known);

/// A cursor of a reader of `journal` that is ahead of it.
void check_cursor(const store_view& store, const ports::scanned_row& row, const ports::journal& journal);

}  // namespace social::verify
