// Golden files: bytes that only a human changes.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace social::test {

/// The bytes of tests/golden/<name>; the project's root is SOCIAL_SOURCE_DIR, else the working directory.
inline std::string golden(const std::string& name) {
  const char* root = std::getenv("SOCIAL_SOURCE_DIR");
  std::ifstream file(std::string(root != nullptr ? root : ".") + "/tests/golden/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("no golden file " + name);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

}  // namespace social::test
