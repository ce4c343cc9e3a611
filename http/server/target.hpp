// Request targets (RFC 9112 section 3.2) and percent-encoding (RFC 3986 section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace social::http {

/// Splits a target into a decoded path and a raw query. Accepts origin-form ("/a?b"), absolute-form
/// ("http://host/a?b") and "*". False for anything else and for what two readers could understand differently: a bad
/// escape, an encoded slash, an encoded or raw control character, a fragment. Outputs are cleared first.
bool split_target(std::string_view target, std::string& path, std::string& query);

/// One name or value of a query: escapes decoded, '+' is a space. False on a bad escape or a NUL; `out` is then empty.
bool decode_query_part(std::string_view text, std::string& out);

}  // namespace social::http
