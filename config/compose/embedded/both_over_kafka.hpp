// Both roles in one process, with Kafka between them.
#pragma once

#include <memory>

#include "config/compose/common/service.hpp"

namespace social::compose {

std::unique_ptr<service> both_over_kafka(host& on, config::stop_control& stopping);

}  // namespace social::compose
