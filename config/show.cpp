#include "config/invocation.hpp"

namespace social::config {
namespace {

std::string_view value_word(const option& which) {
  switch (which.kind) {
    case value_kind::path:
      return "PATH";
    case value_kind::count:
      return "NUMBER";
    case value_kind::toggle:
      return "[true|false]";
    case value_kind::choice:
      return which.choices;
    case value_kind::role_list:
      return "ROLES";
    case value_kind::duration:
      return "DURATION";
    case value_kind::size:
      return "SIZE";
    case value_kind::address:
      return "ADDRESS";
    case value_kind::address_range:
      return "RANGE";
    case value_kind::origin:
      return "ORIGIN";
    case value_kind::base_url:
      return "URL";
    case value_kind::contact:
      return "CONTACT";
    case value_kind::brokers:
      return "BROKERS";
    case value_kind::name:
      return "NAME";
    case value_kind::assignment:
      return which.unit;
  }
  return {};
}

void append_option(std::string& out, const option& which) {
  out.append("  --").append(which.name).append(" ").append(value_word(which)).append("\n      ").append(which.help);
  if (which.repeatable) out.append(" (repeatable)");
  out.append("\n      ");
  if (!which.fallback.empty()) out.append("default ").append(which.fallback).append(": ");
  out.append(which.reason);
  if (which.kind != value_kind::toggle && which.kind != value_kind::choice)
    out.append("; takes ").append(accepted(which));
  out.append("\n");
}

}  // namespace

std::string show_line(const resolved_option& each) {
  const auto& which = *each.which;
  std::string line(which.name);
  line.append(" = ").append(which.secret && !each.text.empty() ? "***" : each.text).append("  # ").append(each.origin);
  // Sizes and durations carry their unit in the value.
  if (which.kind == value_kind::count && which.name.starts_with("limits."))
    line.append(" (").append(which.unit).append(")");
  return line.append("\n");
}

std::string show(const invocation& parsed) {
  std::string all;
  for (const auto& each : parsed.options) all.append(show_line(each));
  return all;
}

std::string usage(executable self) {
  const std::string name(name_of(self));
  std::string text = "usage: " + name + " [subcommand] [options]\n\nsubcommands:\n" +
                     "  serve (default)        run until SIGTERM or SIGINT\n"
                     "  config show            print every option with its value and where it came from\n";
  if (self != executable::api)
    text.append(
        "  vapid show             print the VAPID public keys\n"
        "  vapid rotate           make a new VAPID key; the old one signs for its subscriptions until they renew\n");
  text.append(
      "  backup DIR             make a backup of the running server on --data in DIR, which is new or empty\n"
      "  restore DIR            put the backup in DIR into --data, which is new or empty\n"
      "  verify                 look through the data of a stopped server and name what is wrong with it\n"
      "  version                print the version\n\n"
      "Each option is also the environment variable SOCIAL_NAME (upper case, dots and dashes as _) and a key of the\n"
      "TOML file of --config ([http] port = 8080). The command line wins, then the environment, then the file.\n\n"
      "options:\n  --help\n      this text\n");
  for (const auto& each : option_table())
    if (each.taken(self)) append_option(text, each);
  return text.append(
      "\nexit codes: 0 done, 1 failed while running, 2 usage or configuration, 3 data directory unusable\n");
}

}  // namespace social::config
