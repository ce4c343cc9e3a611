// social-server-push: the push role alone, fed by Kafka.
#include "config/command.hpp"
#include "config/compose/common/kafka_settings.hpp"
#include "config/compose/common/restore.hpp"
#include "config/compose/common/verify_stores.hpp"
#include "config/compose/push/push_side.hpp"
#include "config/compose/push/serve_push.hpp"
#include "config/compose/push/verify_push.hpp"

int main(int argc, char** argv) {
  using namespace social;
  return config::run_command(
      config::executable::push, argc, argv,
      {.serve = [](const config::invocation& i) { return compose::serve_push(i); },
       .check = compose::check_kafka,
       .vapid_show = [](const config::invocation& i) { return compose::show_vapid(i.settings); },
       .vapid_rotate = [](const config::invocation& i) { return compose::rotate_vapid(i.settings); },
       .restore = compose::restore,
       .verify =
           [](const config::invocation& i) {
             return compose::verify_stores(i.settings, {.api = {}, .push = compose::verify_push});
           }});
}
