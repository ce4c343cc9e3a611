// The file of --kafka.option-file: what is passed to librdkafka and may be secret.
#pragma once

#include <string>
#include <string_view>

#include "actors/base/result.hpp"
#include "config/values.hpp"

namespace social::config {

/// Lines `KEY=VALUE`; spaces around both are left out, empty lines and those that begin with `#` are skipped. `path` is
/// for sentences. Errors: invalid_input naming file and line, never what stands there: it may be a secret.
result<assignments> parse_option_file(std::string_view text, std::string_view path);

}  // namespace social::config
