// How many CPUs this process may use: the cgroup's quota (versions 1 and 2), bounded by the CPUs it may run on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace social::config {

/// At least 1; a quota of 1.5 CPUs counts as 2. `cgroup_root` is the mount (/sys/fs/cgroup), `own_groups` the content
/// of /proc/self/cgroup, `cpus` what the scheduler allows. A limit of any enclosing group counts.
std::uint64_t cpu_quota(const std::filesystem::path& cgroup_root, std::string_view own_groups, std::uint64_t cpus);

/// Of this process.
std::uint64_t cpu_quota();

}  // namespace social::config
