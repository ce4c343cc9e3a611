#include "actors/base/json_guard.hpp"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/base/text.hpp"

namespace social {
namespace {

using nlohmann::json;

/// A member's name as part of a message: short, on one line, and not able to turn the text around.
std::string shown(std::string_view name) {
  constexpr std::size_t name_code_points_max = 40;
  std::string cut(first_code_points(name, name_code_points_max));
  if (has_control_or_bidi(cut)) return "?";
  return cut.size() < name.size() ? cut + "..." : cut;
}

/// Receives the parser's events, checks each, and builds the document. Every callback returns whether to go on; the
/// first refusal ends the parsing, so that neither depth nor size of a hostile text costs anything.
class guarded_builder {
 public:
  explicit guarded_builder(const json_limits& limits) : limits_(limits) {}

  // The names and signatures that nlohmann::json::sax_parse calls.
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(json::number_integer_t value) { return add(value); }
  bool number_unsigned(json::number_unsigned_t value) { return add(value); }
  bool number_float(json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) {
    if (value.find('\0') != std::string::npos) return refuse("NUL character in the text", place());
    return add(std::move(value));
  }
  bool binary(json::binary_t&) { return refuse("binary value", place()); }
  bool start_object(std::size_t) { return open(json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (name.find('\0') != std::string::npos) return refuse("NUL character in a member name", container_place());
    json& object = *open_.back().value;
    if (object.contains(name)) return refuse("duplicate member \"" + shown(name) + "\"", container_place());
    open_.back().member = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    // The library's own sentence repeats the input, secrets included.
    return refuse("syntax error at byte " + std::to_string(position), place());
  }

  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
  json take() { return std::move(root_); }

 private:
  struct container {
    json* value;
    std::string member;  ///< of an object: the member whose value comes next
  };

  bool add(json value) { return place_for(std::move(value)) != nullptr; }

  bool open(json empty) {
    if (open_.size() >= limits_.depth_max)
      return refuse("nested deeper than " + std::to_string(limits_.depth_max) + " levels", place());
    json* placed = place_for(std::move(empty));
    if (placed == nullptr) return false;
    open_.push_back({placed, {}});
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  /// Where the value now stands; null when there are too many. Addresses of open containers stay valid, because nothing
  /// is added to a container while one inside it is open.
  json* place_for(json value) {
    if (++values_ > limits_.members_max) {
      refuse("more than " + std::to_string(limits_.members_max) + " values", place());
      return nullptr;
    }
    if (open_.empty()) return &(root_ = std::move(value));
    auto& [parent, member] = open_.back();
    if (parent->is_object()) return &((*parent)[member] = std::move(value));
    parent->push_back(std::move(value));
    return &parent->back();
  }

  /// The value under work, as a JSON pointer (RFC 6901) without its escapes.
  [[nodiscard]] std::string place() const { return place_at(open_.size()); }
  /// The innermost open container.
  [[nodiscard]] std::string container_place() const { return place_at(open_.size() - 1); }

  [[nodiscard]] std::string place_at(std::size_t depth) const {
    std::string path;
    for (std::size_t i = 0; i < depth; ++i) {
      const auto& [value, member] = open_[i];
      // An array counts the open container in it already; the innermost one waits for its next value.
      const auto index = value->size() - (i + 1 < open_.size() ? 1 : 0);
      path += "/" + (value->is_object() ? shown(member) : std::to_string(index));
    }
    return path.empty() ? "at the top level" : "in " + path;
  }

  bool refuse(std::string what, const std::string& where) {
    refusal_ = std::move(what) + ", " + where;
    return false;
  }

  json_limits limits_;
  json root_;
  std::vector<container> open_;
  std::size_t values_ = 0;
  std::string refusal_;
};

error malformed(std::string message) {
  return {error_code::malformed_json, std::move(message)};
}

}  // namespace

result<json> parse_json(std::string_view text, const json_limits& limits) {
  try {
    // The parser takes a NUL byte for the end of its input and would not see what follows.
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
      return malformed("NUL byte at byte " + std::to_string(nul + 1));
    if (const auto valid = valid_utf8_prefix(text); valid != text.size())
      return malformed("invalid UTF-8 at byte " + std::to_string(valid + 1));
    guarded_builder builder(limits);
    if (!json::sax_parse(text, &builder)) return malformed(builder.refusal());
    return result<json>(boost::system::in_place_value, builder.take());  // json converts to everything
  } catch (const std::exception&) {
    return error{error_code::internal, "the JSON parser failed"};
  }
}

}  // namespace social
