// What the admin API shows of the push role, as JSON. No endpoint, no key, no text of a message.
#pragma once

#include <string>

#include "actors/ports/store.hpp"
#include "actors/push/metrics.hpp"
#include "actors/push/options.hpp"

namespace social::push {

std::string report_push_json(const push_metrics& numbers, const push_options& options);
/// Newest first. Blocks on reading.
std::string report_dead_letters_json(const ports::row_reader& rows, std::size_t limit);

}  // namespace social::push
