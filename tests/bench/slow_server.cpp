// See tests/support/slow_server.hpp.
#include "tests/support/slow_server.hpp"

int main(int argc, char** argv) {
  return social::test::run_slow_server(argc, argv);
}
