#include "http/api/json_fields.hpp"

#include <algorithm>

namespace social::http {

void merge_field_errors(std::vector<field_error>& into, std::vector<field_error> more) {
  for (auto& each : more) {
    const auto same = [&](const field_error& known) { return known.field == each.field; };
    if (std::none_of(into.begin(), into.end(), same)) into.push_back(std::move(each));
  }
}

error invalid_fields(std::vector<field_error> fields) {
  error e(error_code::invalid_input);
  e.fields = std::move(fields);
  return e;
}

error invalid_field(std::string field, std::string reason) {
  return invalid_fields({{std::move(field), std::move(reason)}});
}

result<json_fields> json_fields::parse(std::string_view body, const json_limits& limits) {
  auto parsed = parse_json(body, limits);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return error{error_code::malformed_json, "The body must be a JSON object"};
  json_fields fields;
  fields.object_ = std::move(*parsed);
  return fields;
}

const nlohmann::json* json_fields::find(std::string_view path) {
  const nlohmann::json* at = &object_;
  for (;;) {
    const auto dot = path.find('.');
    const auto found = at->find(path.substr(0, dot));
    if (found == at->end() || found->is_null()) return nullptr;
    if (dot == std::string_view::npos) return &*found;
    if (!found->is_object()) return nullptr;
    at = &*found;
    path.remove_prefix(dot + 1);
  }
}

std::string json_fields::text(std::string_view path, bool must_be_there) {
  const auto* found = find(path);
  if (found == nullptr) {
    if (must_be_there) problems.push_back({std::string(path), "is required"});
    return {};
  }
  if (!found->is_string()) {
    problems.push_back({std::string(path), "must be a string"});
    return {};
  }
  return found->get<std::string>();
}

std::string json_fields::required(std::string_view path) {
  return text(path, true);
}
std::string json_fields::optional(std::string_view path) {
  return text(path, false);
}
bool json_fields::has(std::string_view member) const {
  return object_.contains(member);
}

}  // namespace social::http
