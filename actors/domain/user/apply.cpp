#include <cassert>

#include "actors/base/json_writer.hpp"
#include "actors/base/overloaded.hpp"
#include "actors/base/text.hpp"
#include "actors/domain/user/user.hpp"

namespace social::domain {

using namespace user;

void user_aggregate::apply(state& s, const event& e) {
  std::visit(overloaded{
                 [&](const user_joined& joined) {
                   assert(!s.exists() && joined.account.exists());
                   s = joined.account;
                 },
                 [&](const signed_in& in) {
                   assert(s.exists());
                   ++s.login_count;
                   s.last_login_at = in.at;
                 },
                 // Connections are rows: a person may have many, and none of them is needed to decide about another.
                 [&](const connection_requested& asked) { assert(asked.owner == s.seq); },
                 [&](const connection_granted& granted) { assert(granted.owner.seq == s.seq); },
             },
             e);
}

void user_aggregate::project(const event& e, const state& after, row_sink& sink) {
  std::visit(overloaded{
                 [&](const user_joined& joined) {
                   const auto& account = joined.account;
                   assert(account.seq == after.seq);
                   sink.put({table::email, 0, 0, ascii_lower(account.email)}, email_row{account.seq});
                   sink.put({table::generation, account.seq, 0, {}}, generation_row{account.generation});
                 },
                 [&](const signed_in&) {},
                 [&](const connection_requested& asked) {
                   sink.put({table::connection, asked.owner, asked.caller.seq, {}},
                            connection_row{connection_state::requested, asked.caller, asked.at, {}});
                 },
                 [&](const connection_granted& granted) {
                   sink.put(
                       {table::connection, granted.owner.seq, granted.caller.seq, {}},
                       connection_row{connection_state::granted, granted.caller, granted.requested_at, granted.at});
                 },
             },
             e);
}

std::string user_aggregate::redacted(const state& s) {
  std::string out;
  json_writer writer(out);
  writer.begin_object().member("seq", s.seq).member("name", s.name).member("email", s.email);
  writer.member_if("profileImageUrl", s.profile_image_url).member("loginCount", s.login_count);
  if (s.last_login_at) writer.time_member("lastLoginAt", *s.last_login_at);
  writer.time_member("createAt", s.created_at).end_object();
  return out;
}

}  // namespace social::domain
