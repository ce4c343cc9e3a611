#include "config/cpu_quota.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sched.h>
#include <sstream>
#include <string>
#include <thread>

namespace social::config {
namespace {

namespace fs = std::filesystem;

/// Rounded up: a process with 1.5 CPUs uses the half with a second thread.
std::uint64_t rounded_up(std::uint64_t quota_us, std::uint64_t period_us) {
  return std::max<std::uint64_t>(1, (quota_us + period_us - 1) / period_us);
}

/// `cpu.max` of version 2: `200000 100000` or `max 100000`.
std::optional<std::uint64_t> quota_v2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  std::uint64_t quota_us = 0;
  std::uint64_t period_us = 0;
  if (!(file >> quota_us >> period_us) || quota_us == 0 || period_us == 0) return std::nullopt;
  return rounded_up(quota_us, period_us);
}

/// Version 1 keeps the numbers in two files; a quota of -1 is none.
std::optional<std::uint64_t> quota_v1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  std::int64_t quota_us = 0;
  std::int64_t period_us = 0;
  if (!(quota_file >> quota_us) || !(period_file >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return rounded_up(static_cast<std::uint64_t>(quota_us), static_cast<std::uint64_t>(period_us));
}

/// The least quota of `group` and the groups around it up to the mount. Inside a container the path named in
/// /proc/self/cgroup may not exist below the mount; the mount itself is the container's group then.
std::uint64_t least(const fs::path& mount, const fs::path& group, std::optional<std::uint64_t> (*read)(const fs::path&),
                    std::uint64_t bound) {
  auto relative = group.relative_path();
  while (true) {
    if (const auto quota = read(mount / relative)) bound = std::min(bound, *quota);
    if (relative.empty()) return bound;
    relative = relative.parent_path();
  }
}

}  // namespace

std::uint64_t cpu_quota(const fs::path& cgroup_root, std::string_view own_groups, std::uint64_t cpus) {
  std::uint64_t bound = std::max<std::uint64_t>(1, cpus);
  std::istringstream lines{std::string(own_groups)};
  // Each line is `number:controllers:path`; version 2 has no controllers.
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto group = line.substr(second + 1);
    if (controllers.empty()) bound = least(cgroup_root, group, quota_v2, bound);
    if (("," + controllers + ",").find(",cpu,") == std::string::npos) continue;
    for (const auto& mount : {cgroup_root / "cpu", cgroup_root / "cpu,cpuacct"})
      bound = least(mount, group, quota_v1, bound);
  }
  return bound;
}

std::uint64_t cpu_quota() {
  std::ifstream file("/proc/self/cgroup");
  std::ostringstream own_groups;
  own_groups << file.rdbuf();
  std::uint64_t cpus = std::max(1U, std::thread::hardware_concurrency());
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    const auto count = static_cast<std::uint64_t>(CPU_COUNT(&allowed));
    cpus = std::clamp<std::uint64_t>(count, 1, cpus);
  }
  return cpu_quota("/sys/fs/cgroup", own_groups.str(), cpus);
}

}  // namespace social::config
