#include "config/command.hpp"

#include <exception>
#include <unistd.h>

#include "config/backup/command.hpp"
#include "config/logging.hpp"
#include "config/version.hpp"

namespace social::config {
namespace {

exit_code refuse(executable self, const error& why) {
  std::string sentence(name_of(self));
  sentence.append(": ").append(why.text()).append("\n");
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, sentence.data(), sentence.size());
  return exit_code_of(why);
}

exit_code print(std::string_view text) {
  return print_line(text) ? exit_code::done : exit_code::fatal;
}

exit_code run(const invocation& parsed, const handlers& with) {
  switch (parsed.what) {
    case subcommand::help:
      return print(usage(parsed.self));
    case subcommand::version:
      return print(std::string(name_of(parsed.self)).append(" ").append(version).append("\n"));
    case subcommand::config_show:
      return print(show(parsed));
    case subcommand::vapid_show:
      return with.vapid_show(parsed);
    case subcommand::vapid_rotate:
      return with.vapid_rotate(parsed);
    case subcommand::backup:
      return backup::run_backup(parsed);
    case subcommand::restore:
      return with.restore(parsed);
    case subcommand::verify:
      return with.verify(parsed);
    case subcommand::serve:
      break;
  }
  if (const auto roles = check_roles(parsed); !roles) return refuse(parsed.self, roles.error());
  if (with.check)
    if (const auto checked = with.check(parsed); !checked) return refuse(parsed.self, checked.error());
  return with.serve(parsed);
}

}  // namespace

int run_command(executable self, int argc, const char* const* argv, const handlers& with) {
  try {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto parsed = parse(self, words, own_surroundings());
    return static_cast<int>(parsed ? run(*parsed, with) : refuse(self, parsed.error()));
  } catch (const std::exception& e) {
    return static_cast<int>(fail({error_code::internal, std::string("the process cannot go on: ") + e.what()}));
  }
}

}  // namespace social::config
