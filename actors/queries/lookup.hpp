// Reading typed rows for one answer at one tier, with the two ways out that every question has: the disk is needed, or
// the rows cannot be read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/record.hpp"
#include "actors/ports/store.hpp"

namespace social::queries {

/// Thrown and caught inside queries.cpp only: ends the question.
struct needs_disk {};
struct cannot_read {
  error why;
};

class lookup {
 public:
  lookup(const ports::row_reader& rows, ports::read_tier tier) : rows_(rows), tier_(tier) {}

  /// From here on all rows are of one moment: for answers in which several rows must agree.
  void freeze() { moment_ = rows_.take_snapshot(); }

  template <record T>
  std::optional<T> get(const domain::row_key& key) {
    return decoded<T>(rows_.get(key, tier_, moment_.get()), key);
  }

  template <record T>
  std::vector<std::optional<T>> get_many(const std::vector<domain::row_key>& keys) {
    auto values = rows_.get_many(keys, tier_, moment_.get());
    std::vector<std::optional<T>> out;
    out.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) out.push_back(decoded<T>(std::move(values[i]), keys[i]));
    return out;
  }

  bool has(const domain::row_key& key) {
    const auto value = checked(rows_.get(key, tier_, moment_.get()));
    return value.what == ports::row_value::status::found;
  }

  std::vector<ports::scanned_row> scan(const ports::scan_request& request) {
    auto found = rows_.scan(request, tier_, moment_.get());
    if (found.what == ports::row_value::status::would_block) throw needs_disk{};
    if (found.what == ports::row_value::status::failed) throw cannot_read{std::move(found.failure)};
    return std::move(found.rows);
  }

 private:
  static ports::row_value checked(ports::row_value value) {
    if (value.what == ports::row_value::status::would_block) throw needs_disk{};
    if (value.what == ports::row_value::status::failed) throw cannot_read{std::move(value.failure)};
    return value;
  }
  template <record T>
  static std::optional<T> decoded(ports::row_value raw, const domain::row_key& key) {
    const auto value = checked(std::move(raw));
    if (value.what != ports::row_value::status::found) return std::nullopt;
    auto row = decode_record<T>(value.bytes);
    if (!row)
      throw cannot_read{{error_code::corrupt_record,
                         "table " + std::to_string(static_cast<int>(key.where)) + ", row (" + std::to_string(key.a) +
                             ", " + std::to_string(key.b) + "): " + std::string(row.error().text())}};
    return std::move(*row);
  }

  const ports::row_reader& rows_;
  const ports::read_tier tier_;
  std::shared_ptr<const ports::snapshot> moment_;
};

}  // namespace social::queries
