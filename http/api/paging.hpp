// Which part of a list is asked for, and where the next one is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/result.hpp"
#include "http/server/exchange.hpp"

namespace social::http {

struct page_rules {
  std::size_t limit_default = 0;
  std::size_t limit_max = 0;
  std::size_t offset_max = 0;
  char list = 0;  ///< marks the cursors of this list, so that one of another list is refused
};

struct page {
  std::size_t offset = 0;
  std::optional<id_t> after;
  std::size_t limit = 0;
  bool limit_given = false;
};

/// `offset`, `limit` and `cursor` of the query. Errors: invalid_input naming each that is wrong.
result<page> read_page(const request_head& head, const page_rules& rules);

/// Value of the `Link` header (RFC 8288): the same list after `last`. A given limit stays, another default does too.
std::string next_link(std::string_view public_url, std::string_view path, const page& now, id_t last, char list);

}  // namespace social::http
