#include "http/server/envelope.hpp"

#include "actors/base/json_writer.hpp"

namespace social::http {
namespace {

constexpr int retry_after_default_s = 1;

std::string error_body(const error& why, const error_description& shown, std::string_view text,
                       std::string_view request_id) {
  std::string body;
  body.reserve(160);
  json_writer json(body);
  json.begin_object().member("success", false).key("error").begin_object();
  json.member("message", text).member("status", shown.http_status).member("code", shown.word);
  if (!why.fields.empty()) {
    json.key("fields").begin_array();
    for (const auto& [field, reason] : why.fields)
      json.begin_object()
          .member("field", std::string_view(field))
          .member("reason", std::string_view(reason))
          .end_object();
    json.end_array();
  }
  if (!request_id.empty()) json.member("requestId", request_id);
  json.end_object().end_object();
  return body;
}

}  // namespace

response success(std::string json_response) {
  constexpr std::string_view before = R"({"success":true,"response":)";
  response answer;
  answer.body.reserve(before.size() + json_response.size() + 1);
  answer.body.append(before).append(json_response).push_back('}');
  return answer;
}

response failure(const error& why, std::string_view request_id) {
  const auto described = describe(why.code);
  response answer;
  answer.status = described.http_status;
  if (answer.status >= 500 && answer.status != 503) {
    const auto hidden = describe(error_code::internal);
    answer.status = hidden.http_status;
    answer.body = error_body({}, hidden, hidden.text, request_id);
    return answer;
  }
  answer.body = error_body(why, described, why.text(), {});
  if (answer.status == 429 || answer.status == 503) {
    const int seconds = why.retry_after_s > 0 ? why.retry_after_s : retry_after_default_s;
    answer.headers.push_back({"Retry-After", std::to_string(seconds)});
  }
  return answer;
}

response method_not_allowed(std::string_view allowed, std::string_view request_id) {
  auto answer = failure(error_code::method_not_allowed, request_id);
  answer.headers.push_back({"Allow", std::string(allowed)});
  return answer;
}

}  // namespace social::http
