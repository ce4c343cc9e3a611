#include "config/arguments.hpp"

#include <algorithm>
#include <numeric>

#include <CLI/CLI.hpp>

namespace social::config {
namespace {

error usage_error(std::string sentence) {
  return {error_code::invalid_input, std::move(sentence)};
}

/// The names of executables that take an option, for a sentence.
std::string takers(const option& which) {
  std::string names;
  for (const auto candidate : {executable::server, executable::api, executable::push}) {
    if (!which.taken(candidate)) continue;
    names.append(names.empty() ? "" : " and ").append(name_of(candidate));
  }
  return names;
}

/// Number of insertions, deletions and replacements (Levenshtein) that make `a` of `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// What to say about the first argument that nothing wanted.
error unexpected(executable self, const std::string& word) {
  const std::string help = std::string(name_of(self)) + " --help";
  if (!word.starts_with("--"))
    return usage_error("'" + word + "' is no subcommand and belongs to no option; see '" + help + "'");
  const std::string name = word.substr(2, word.find('=') == std::string::npos ? word.npos : word.find('=') - 2);
  if (const auto* known = find_option(name))
    return usage_error("--" + name + " is not an option of " + std::string(name_of(self)) + " but of " +
                       takers(*known) + "; leave it out");
  const std::string sentence = "there is no option --" + name;
  if (const auto* nearest = nearest_option(name))
    return usage_error(sentence + "; did you mean --" + std::string(nearest->name) + "? See '" + help + "'");
  return usage_error(sentence + "; see '" + help + "'");
}

error without_value(const std::string& name) {
  return usage_error("--" + name + " is given without a value; write --" + name + "=VALUE");
}

/// CLI11 2.1 takes the next argument for the value of `--name=`; an empty argument of its own is understood.
std::vector<std::string> with_empty_values(std::vector<std::string> words) {
  std::vector<std::string> all;
  for (auto& word : words) {
    const bool empty_value = word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1;
    if (empty_value) word.pop_back();
    all.push_back(std::move(word));
    if (empty_value) all.emplace_back();
  }
  return all;
}

/// The subcommands of one executable. Options may stand before or behind them.
class command_line {
 public:
  explicit command_line(executable self) : self_(self) {
    app_.set_help_flag();
    app_.allow_extras();
    app_.require_subcommand(0, 1);
    app_.add_flag("--help,-h", help_);
    add(app_, "serve", subcommand::serve);
    add(*add_group("config"), "show", subcommand::config_show);
    if (self != executable::api) {
      auto* vapid = add_group("vapid");
      add(*vapid, "show", subcommand::vapid_show);
      add(*vapid, "rotate", subcommand::vapid_rotate);
    }
    add_with_directory("backup", subcommand::backup);
    add_with_directory("restore", subcommand::restore);
    add(app_, "verify", subcommand::verify);
    add(app_, "version", subcommand::version);
    for (const auto& each : option_table())
      if (each.taken(self)) add_option(each);
  }

  result<arguments> parse(std::vector<std::string> words) {
    words = with_empty_values(std::move(words));
    std::ranges::reverse(words);  // as CLI11 wants it
    try {
      app_.parse(std::move(words));
    } catch (const CLI::RequiredError&) {
      return usage_error("a word is missing after the subcommand; see '" + std::string(name_of(self_)) + " --help'");
    } catch (const CLI::ParseError& e) {
      return usage_error(std::string(e.what()) + "; see '" + std::string(name_of(self_)) + " --help'");
    }
    return outcome();
  }

 private:
  CLI::App* prepared(CLI::App* command) {
    command->set_help_flag();
    command->fallthrough();
    command->allow_extras();
    return command;
  }
  CLI::App* add_group(const std::string& name) {
    auto* group = prepared(app_.add_subcommand(name));
    group->require_subcommand(1);
    return group;
  }
  void add(CLI::App& parent, const std::string& name, subcommand meaning) {
    prepared(parent.add_subcommand(name))->callback([this, meaning] { what_ = meaning; });
  }
  void add_with_directory(const std::string& name, subcommand meaning) {
    auto* command = prepared(app_.add_subcommand(name));
    command->callback([this, meaning] { what_ = meaning; });
    command->add_option("DIR", directory_)->required();
  }
  void add_option(const option& which) {
    const std::string name(which.name);
    auto* added = app_.add_option("--" + name, given_[name]);
    if (which.kind == value_kind::toggle) {
      added->expected(0, 1);
    } else {
      added->expected(1);
    }
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  }

  result<arguments> outcome() {
    if (help_) return arguments{subcommand::help, {}, {}};
    arguments parsed{what_, {}, directory_};
    for (auto& [name, texts] : given_) {
      if (texts.empty()) continue;
      const bool is_toggle = find_option(name)->kind == value_kind::toggle;
      for (auto& text : texts) {
        if (text.starts_with("--")) return without_value(name);
        if (is_toggle && text.empty()) text = "true";
      }
      parsed.given.emplace(name, std::move(texts));
    }
    const auto extras = app_.remaining(true);
    if (!extras.empty()) return unexpected(self_, extras.front());
    return parsed;
  }

  executable self_;
  CLI::App app_;
  bool help_ = false;
  subcommand what_ = subcommand::serve;
  std::string directory_;
  std::map<std::string, std::vector<std::string>> given_;
};

}  // namespace

const option* nearest_option(std::string_view name) {
  const option* nearest = nullptr;
  std::size_t least = name.size() / 3 + 1;  // more changes than a third of it: another word
  for (const auto& candidate : option_table()) {
    const auto changes = distance(name, candidate.name);
    if (changes >= least) continue;
    least = changes;
    nearest = &candidate;
  }
  return nearest;
}

result<arguments> parse_arguments(executable self, std::vector<std::string> words) {
  try {
    return command_line(self).parse(std::move(words));
  } catch (const CLI::Error& e) {
    return error(error_code::internal, std::string("the command line cannot be read: ") + e.what());
  }
}

}  // namespace social::config
