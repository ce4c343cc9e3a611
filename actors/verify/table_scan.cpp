#include "actors/verify/table_scan.hpp"

namespace social::verify {

void table_scan::load() {
  constexpr std::size_t page_rows = 1000;
  auto found = store_.rows.scan_table(where_, after_, a_max_, page_rows);
  if (found.what != ports::row_value::status::found) {
    store_.found(
        "read", {where_, after_ ? after_->a : 0, after_ ? after_->b : 0, after_ ? after_->text : ""},
        "the table cannot be read behind this row, what follows was not checked: " + std::string(found.failure.text()));
    found.rows.clear();
  }
  page_ = std::move(found.rows);
  at_ = 0;
  ended_ = page_.size() < page_rows;
  if (!page_.empty()) after_ = page_.back().key;
}

}  // namespace social::verify
