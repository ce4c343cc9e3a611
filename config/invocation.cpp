#include "config/invocation.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "config/cpu_quota.hpp"
#include "config/option_file.hpp"
#include "config/toml_file.hpp"

namespace social::config {
namespace {

struct source_value {
  checked_value value;
  std::string origin;
};

/// By option; a source that comes later replaces what an earlier one said.
using winners = std::map<const option*, source_value>;

error at(const option& which, const std::string& origin, const error& why) {
  return {error_code::invalid_input, std::string(which.name) + " (" + origin + ") " + std::string(why.text())};
}

result<void> take(winners& all, const option& which, const std::vector<std::string>& texts, const std::string& origin) {
  auto checked = check(which, texts);
  if (!checked) return at(which, origin, checked.error());
  all.insert_or_assign(&which, source_value{std::move(*checked), origin});
  return {};
}

/// SOCIAL_ variables by option. Errors: one that no option has.
result<std::map<const option*, std::string>> own_variables(const std::vector<std::string>& environment) {
  std::map<std::string, const option*, std::less<>> by_name;
  for (const auto& each : option_table()) by_name.emplace(environment_name(each.name), &each);
  std::map<const option*, std::string> found;
  for (const auto& variable : environment) {
    const auto equals = variable.find('=');
    if (!variable.starts_with("SOCIAL_") || equals == std::string::npos) continue;
    const auto name = variable.substr(0, equals);
    const auto known = by_name.find(name);
    if (known == by_name.end())
      return error(error_code::invalid_input, "the environment variable " + name +
                                                  " belongs to no option; remove it, or see --help for the names");
    found.emplace(known->second, variable.substr(equals + 1));
  }
  return found;
}

error unreadable(const error& why, std::string_view advice) {
  return {error_code::invalid_input, std::string(why.text()).append("; ").append(advice)};
}

result<void> take_file(winners& all, const std::string& path, const surroundings& around) {
  const auto content = around.read_file(path);
  if (!content) return unreadable(content.error(), "--config takes the path of a TOML file");
  const auto entries = parse_toml(*content, path);
  if (!entries) return entries.error();
  for (const auto& entry : *entries) {
    auto taken = take(all, *find_option(entry.name), entry.texts, "file " + path);
    if (!taken) return taken;
  }
  return {};
}

/// Where the file is, is known before it is read, so the higher sources are looked at first and laid on top of it.
result<winners> all_sources(const arguments& given, const surroundings& around) {
  winners higher;
  const auto variables = own_variables(around.environment);
  if (!variables) return variables.error();
  for (const auto& [which, text] : *variables) {
    auto taken = take(higher, *which, {text}, "environment " + environment_name(which->name));
    if (!taken) return taken.error();
  }
  for (const auto& [name, texts] : given.given) {
    auto taken = take(higher, *find_option(name), texts, "command line");
    if (!taken) return taken.error();
  }
  const auto file = higher.find(find_option("config"));
  if (file == higher.end()) return higher;
  winners all;
  auto taken = take_file(all, file->second.value.text, around);
  if (!taken) return taken.error();
  for (auto& [which, value] : higher) all.insert_or_assign(which, std::move(value));
  return all;
}

/// The default as a checked value: a default that its own option refuses is a programmer's error.
source_value default_of(const option& which, const default_facts& facts, const settings& so_far) {
  std::string text(which.fallback);
  if (which.computed_fallback != nullptr) text = which.computed_fallback(facts, so_far);
  if (text.empty()) return {{std::string(), ""}, "default"};
  return {check(which, std::vector{text}).value(), "default"};
}

void fill(invocation& into, winners& given, const default_facts& facts) {
  for (const auto& which : option_table()) {
    if (!which.taken(into.self)) continue;
    const auto found = given.find(&which);
    auto chosen = found == given.end() ? default_of(which, facts, into.settings) : std::move(found->second);
    // An empty default leaves the empty member as it is.
    if (found != given.end() || !chosen.value.text.empty()) which.store(into.settings, chosen.value.value);
    into.options.push_back({&which, std::move(chosen.value.text), std::move(chosen.origin)});
  }
}

/// What follows from the values, so that nobody else has to know the connection.
void settle(invocation& parsed) {
  auto& all = parsed.settings;
  if (parsed.self == executable::api) all.roles = {.api = true, .push = false};
  if (parsed.self == executable::push) all.roles = {.api = false, .push = true};
  if (all.limits.rates) return;
  all.limits.rate_user_per_minute = 0;
  all.limits.rate_address_per_minute = 0;
  all.limits.rate_join_address_per_minute = 0;
  all.limits.sign_in_failures = 0;
}

/// The file's lines come first, so that what was given directly wins.
result<void> take_option_file(settings& into, const surroundings& around) {
  const auto path = into.kafka.option_file.string();
  if (path.empty()) return {};
  const auto content = around.read_file(path);
  if (!content) return unreadable(content.error(), "kafka.option-file takes the path of a file of lines KEY=VALUE");
  auto all = parse_option_file(*content, path);
  if (!all) return all.error();
  all->insert(all->end(), into.kafka.options.begin(), into.kafka.options.end());
  into.kafka.options = std::move(*all);
  return {};
}

result<std::string> read_whole_file(const std::string& path) {
  const auto failed = [&path](int number) {
    return error(error_code::invalid_input, "the file " + path + " cannot be read (" + std::strerror(number) + ")");
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed(errno);
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad() || content.fail()) return failed(errno != 0 ? errno : EISDIR);
  return content.str();
}

}  // namespace

surroundings own_surroundings() {
  surroundings own{{}, read_whole_file, cpu_quota()};
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    own.environment.emplace_back(*variable);
  return own;
}

result<invocation> parse(executable self, const std::vector<std::string>& words, const surroundings& around) {
  const auto given = parse_arguments(self, words);
  if (!given) return given.error();
  invocation parsed{self, given->what, {}, {}, given->directory};
  // Help is there for those whose configuration is wrong.
  if (parsed.what == subcommand::help || parsed.what == subcommand::version) return parsed;
  auto sources = all_sources(*given, around);
  if (!sources) return sources.error();
  fill(parsed, *sources, {self, around.cpus});
  settle(parsed);
  if (auto taken = take_option_file(parsed.settings, around); !taken) return taken.error();
  return parsed;
}

result<void> check_roles(const invocation& parsed) {
  const auto& all = parsed.settings;
  const auto wrong = [](std::string sentence) { return error(error_code::invalid_input, std::move(sentence)); };
  const bool is_push_alone = all.roles.push && !all.roles.api;
  if (is_push_alone && all.push.off)
    return wrong("the push role alone with push.off would do nothing; leave push.off out, or run the api role");
  if (is_push_alone && !all.kafka.is_used())
    return wrong(
        "the push role alone hears of events through Kafka only; name its brokers with --kafka.brokers, or run "
        "social-server with --roles api,push");
  if (all.roles.api && !all.roles.push && !all.push.off && !all.kafka.is_used())
    return wrong(
        "the api role alone reaches a push role through Kafka only; name its brokers with --kafka.brokers, add "
        "--push.off, or run social-server with --roles api,push");
  return {};
}

}  // namespace social::config
