#include "config/toml_file.hpp"

#include <toml++/toml.h>

#include "config/arguments.hpp"

namespace social::config {
namespace {

std::string_view expected_type(const option& which) {
  switch (which.kind) {
    case value_kind::count:
      return "a whole number without quotes";
    case value_kind::toggle:
      return "true or false";
    default:
      return which.repeatable ? "text in quotes, or a list of such" : "text in quotes";
  }
}

/// nullopt: not of the option's type.
std::optional<std::string> text_of(const option& which, const toml::node& node) {
  switch (which.kind) {
    case value_kind::count:
      if (const auto* number = node.as_integer()) return std::to_string(number->get());
      return std::nullopt;
    case value_kind::toggle:
      if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
      [[fallthrough]];  // "on" and "off" are text
    default:
      if (const auto* text = node.as_string()) return text->get();
      return std::nullopt;
  }
}

class reader {
 public:
  explicit reader(std::string_view path) : path_(path) {}

  result<std::vector<file_entry>> read(const toml::table& root) {
    if (auto failure = walk(root, "")) return std::move(*failure);
    return std::move(entries_);
  }

 private:
  std::optional<error> walk(const toml::table& table, const std::string& prefix) {
    for (auto&& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      const auto* known = find_option(name);
      const auto* inner = node.as_table();
      auto failure = known != nullptr   ? take(*known, node)
                     : inner != nullptr ? walk(*inner, name + ".")
                                        : std::optional(unknown(name, node));
      if (failure) return failure;
    }
    return std::nullopt;
  }

  std::optional<error> take(const option& known, const toml::node& node) {
    if (known.only_arguments) return refused(known.name, node, "cannot stand in a file; give it as an argument");
    file_entry entry{std::string(known.name), {}};
    const auto* list = known.repeatable ? node.as_array() : nullptr;
    if (list == nullptr) {
      auto text = text_of(known, node);
      if (!text) return wrong_type(known, node);
      entry.texts.push_back(std::move(*text));
    } else {
      for (const auto& member : *list) {
        auto text = text_of(known, member);
        if (!text) return wrong_type(known, node);
        entry.texts.push_back(std::move(*text));
      }
    }
    entries_.push_back(std::move(entry));
    return std::nullopt;
  }

  error wrong_type(const option& known, const toml::node& node) const {
    return refused(
        known.name, node,
        "has a value of the wrong type, write " + std::string(expected_type(known)) + " (" + accepted(known) + ")");
  }

  error unknown(const std::string& name, const toml::node& node) const {
    std::string sentence = "is no option";
    if (const auto* nearest = nearest_option(name))
      sentence.append("; did you mean ").append(nearest->name).append("?");
    else
      sentence.append("; remove it");
    return refused(name, node, sentence);
  }

  error refused(std::string_view name, const toml::node& node, const std::string& why) const {
    return {error_code::invalid_input, std::string(name) + " (file " + std::string(path_) + ", line " +
                                           std::to_string(node.source().begin.line) + ") " + why};
  }

  std::string_view path_;
  std::vector<file_entry> entries_;
};

}  // namespace

result<std::vector<file_entry>> parse_toml(std::string_view text, std::string_view path) {
  try {
    return reader(path).read(toml::parse(text, path));
  } catch (const toml::parse_error& e) {
    return error(error_code::invalid_input, "the file " + std::string(path) +
                                                " is not TOML: " + std::string(e.description()) + " (line " +
                                                std::to_string(e.source().begin.line) + "); correct it");
  }
}

}  // namespace social::config
