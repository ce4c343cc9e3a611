#include "actors/base/error.hpp"

#include <array>
#include <ostream>

namespace social {
namespace {

struct row {
  error_code code;
  error_description description;
};

using enum error_code;
constexpr auto rows = std::to_array<row>({
    {invalid_input, {400, "invalid_input", "The request has invalid fields"}},
    {malformed_json, {400, "malformed_json", "The body is not acceptable JSON"}},
    {malformed_request, {400, "malformed_request", "The request is malformed"}},
    {body_too_large, {413, "body_too_large", "The body is larger than allowed"}},
    {unsupported_media_type, {415, "unsupported_media_type", "The content type is not supported here"}},
    {header_too_large, {431, "header_too_large", "The header section is larger than allowed"}},
    {target_too_long, {414, "target_too_long", "The request target is longer than allowed"}},
    {request_timeout, {408, "request_timeout", "The request did not arrive in time"}},
    {unauthorized, {401, "unauthorized", "Authentication error (cause: unauthorized)"}},
    {bad_credential, {401, "bad_credential", "Authentication error (cause: Bad credential)"}},
    {forbidden, {403, "forbidden", "Authentication error (cause: forbidden)"}},
    {route_not_found, {404, "route_not_found", "There is nothing at this path"}},
    {method_not_allowed, {405, "method_not_allowed", "This path does not take this method"}},
    {user_not_found, {404, "user_not_found", "There is no such user"}},
    {post_not_found, {404, "post_not_found", "There is no such post"}},
    {comment_not_found, {404, "comment_not_found", "There is no such comment"}},
    {connection_not_found, {404, "connection_not_found", "There is no such connection"}},
    {subscription_not_found, {404, "subscription_not_found", "There is no such subscription"}},
    {actor_not_active, {404, "actor_not_active", "This actor is not active"}},
    {not_found, {404, "not_found", "Not found"}},
    {email_taken, {409, "email_taken", "This e-mail address is taken"}},
    {idempotency_key_reused, {409, "idempotency_key_reused", "This idempotency key was used with another body"}},
    {too_many_devices, {409, "too_many_devices", "Too many devices"}},
    {rate_limited, {429, "rate_limited", "Too many requests"}},
    {overloaded, {503, "overloaded", "The server is busy; nothing was done"}},
    {store_unavailable, {503, "store_unavailable", "The store cannot write at the moment; nothing was done"}},
    {unavailable, {503, "unavailable", "The service that is needed cannot be asked at the moment; nothing was done"}},
    {outcome_unknown,
     {503, "outcome_unknown",
      "It is unknown whether this happened; repeating it is safe only with an Idempotency-Key"}},
    {shutting_down, {503, "shutting_down", "The server is stopping; nothing was done"}},
    {internal, {500, "internal", "Internal error"}},
    {corrupt_record, {500, "corrupt_record", "A stored record is damaged"}},
    {store_locked, {500, "store_locked", "The store is locked by another process"}},
    {store_damaged, {500, "store_damaged", "The store is damaged"}},
    {store_mismatch, {500, "store_mismatch", "The store does not fit this configuration or version"}},
    {io_error, {500, "io_error", "Input/output error"}},
});

constexpr auto codes = [] {
  std::array<error_code, rows.size()> all{};
  for (std::size_t i = 0; i < rows.size(); ++i) all[i] = rows[i].code;
  return all;
}();

}  // namespace

error_description describe(error_code code) noexcept {
  for (const auto& r : rows)
    if (r.code == code) return r.description;
  return describe(internal);
}

std::span<const error_code> all_error_codes() noexcept {
  return codes;
}

std::ostream& operator<<(std::ostream& out, const error& e) {
  out << describe(e.code).word << ": " << e.text();
  for (const auto& [field, reason] : e.fields) out << " [" << field << ' ' << reason << ']';
  return out;
}

}  // namespace social
