#include "config/cpu_quota.hpp"
#include "tests/unit/config/temporary_directory.hpp"

namespace social::config {
namespace {

using test::temporary_directory;
using test::write_file;

TEST_CASE("a quota of version 2 is rounded up and bounded by the CPUs") {
  const temporary_directory root;
  const auto quota = [&](std::string_view content) {
    write_file(root.path() / "app/cpu.max", content);
    return cpu_quota(root.path(), "0::/app\n", 8);
  };
  CHECK(quota("200000 100000\n") == 2);
  CHECK(quota("150000 100000\n") == 2);
  CHECK(quota("10000 100000\n") == 1);
  CHECK(quota("max 100000\n") == 8);
  CHECK(quota("9900000 100000\n") == 8);
  CHECK(quota("") == 8);
  CHECK(quota("rubbish") == 8);
}

TEST_CASE("the quota of an enclosing group counts") {
  const temporary_directory root;
  write_file(root.path() / "a/cpu.max", "300000 100000\n");
  write_file(root.path() / "a/b/cpu.max", "max 100000\n");
  CHECK(cpu_quota(root.path(), "0::/a/b\n", 8) == 3);
}

TEST_CASE("inside a container the mount is the group") {
  const temporary_directory root;
  write_file(root.path() / "cpu.max", "400000 100000\n");
  CHECK(cpu_quota(root.path(), "0::/docker/0123/not-here\n", 8) == 4);
  CHECK(cpu_quota(root.path(), "0::/\n", 8) == 4);
}

TEST_CASE("version 1 keeps quota and period apart") {
  const temporary_directory root;
  write_file(root.path() / "cpu,cpuacct/app/cpu.cfs_quota_us", "250000\n");
  write_file(root.path() / "cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
  CHECK(cpu_quota(root.path(), "5:memory:/app\n4:cpu,cpuacct:/app\n0::/\n", 8) == 3);
  CHECK(cpu_quota(root.path(), "4:cpuset:/app\n", 8) == 8);
  write_file(root.path() / "cpu,cpuacct/app/cpu.cfs_quota_us", "-1\n");
  CHECK(cpu_quota(root.path(), "4:cpu,cpuacct:/app\n", 8) == 8);
}

TEST_CASE("there is always one CPU") {
  const temporary_directory root;
  CHECK(cpu_quota(root.path(), "", 0) == 1);
  CHECK(cpu_quota(root.path(), "nonsense\n::\n", 2) == 2);
  CHECK(cpu_quota() >= 1);
}

}  // namespace
}  // namespace social::config
