// social-server-api: the api role alone. It needs --push.off, because nothing here reaches a push role yet.
#include "config/command.hpp"
#include "config/compose/api/serve_api.hpp"

int main(int argc, char** argv) {
  return social::config::run_command(social::config::executable::api, argc, argv,
                                     {.serve = social::compose::serve_api, .vapid_show = {}, .vapid_rotate = {}});
}
