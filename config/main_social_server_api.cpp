// social-server-api: the api role alone. A push role elsewhere is reached through Kafka; --push.off: there is none.
#include "config/command.hpp"
#include "config/compose/api/serve_api.hpp"
#include "config/compose/api/verify_api.hpp"
#include "config/compose/common/kafka_settings.hpp"
#include "config/compose/common/restore.hpp"
#include "config/compose/common/verify_stores.hpp"

int main(int argc, char** argv) {
  using namespace social;
  return config::run_command(config::executable::api, argc, argv,
                             {.serve = [](const config::invocation& i) { return compose::serve_api(i); },
                              .check = compose::check_kafka,
                              .vapid_show = {},
                              .vapid_rotate = {},
                              .restore = compose::restore,
                              .verify =
                                  [](const config::invocation& i) {
                                    return compose::verify_stores(i.settings, {.api = compose::verify_api, .push = {}});
                                  }});
}
