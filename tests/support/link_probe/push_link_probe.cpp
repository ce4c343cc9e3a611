// Links the push side of the composition and nothing else, as an executable with the push role alone would. What comes
// along is looked at by tests/integration/test_links.py.
#include <chrono>

#include "config/compose/push/push_side.hpp"
#include "config/logging.hpp"

int main(int argc, char** argv) {
  using namespace social;
  if (argc != 2) return static_cast<int>(config::exit_code::usage);
  config::settings settings;
  settings.data = argv[1];
  settings.push.vapid_dir = settings.data / "secrets" / "vapid";
  const config::logging logging(settings.log);
  auto on = compose::host::make(settings);
  if (!on) return static_cast<int>(config::fail(on.error()));
  auto push = compose::push_side::open(**on, false);
  if (!push) return static_cast<int>(config::fail(push.error()));
  (*push)->start("");
  (*push)->stop(std::chrono::seconds(1));
  (*push)->close_store();
  return 0;
}
