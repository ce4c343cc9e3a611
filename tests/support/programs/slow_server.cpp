// See slow_server.hpp: a disk that is slow enough for answers to be late and queues to be full.
#include "tests/support/slow_server.hpp"

int main(int argc, char** argv) {
  return social::test::run_slow_server(argc, argv);
}
