// One log line as text. Pure: the time is an argument.
#pragma once

#include <cstdint>
#include <string>

#include "actors/base/log.hpp"
#include "config/settings.hpp"

namespace social::config {

/// Without a line end and never with one inside; ill-formed UTF-8 is replaced, so that a line is always valid.
///
/// text: `2026-11-23T15:54:00.123Z info    storage: opened path=./data rows=12`
/// json: `{"time":"...","level":"info","component":"storage","message":"opened","fields":{"path":"./data","rows":12}}`
std::string format_log_line(const log::record& line, log_format format, std::int64_t milliseconds_since_epoch);

}  // namespace social::config
