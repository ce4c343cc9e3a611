// The form of every JSON answer: {"success":true,"response":...} or {"success":false,"error":{...}}. Shared by the
// public and the admin API, so that a client needs one parser.
#pragma once

#include <string>
#include <string_view>

#include "actors/base/error.hpp"
#include "http/server/exchange.hpp"

namespace social::http {

/// 200. `json_response` is JSON already and becomes the member `response`.
response success(std::string json_response);

/// The status that belongs to the code. 429 and 503 carry `Retry-After` (1 s when the error names none). A 5xx that is
/// no 503 tells nothing of the inside: code `internal`, and `error.requestId` so that the log line can be found.
response failure(const error& why, std::string_view request_id);

/// 405 with the methods that the path does take, as `Allow` wants them ("GET, POST").
response method_not_allowed(std::string_view allowed, std::string_view request_id);

}  // namespace social::http
