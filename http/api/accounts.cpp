// Joining, asking whether somebody exists, and the account itself.
#include "http/api/accounts.hpp"

#include <algorithm>

#include "actors/base/text.hpp"
#include "actors/domain/user/user.hpp"
#include "http/api/actions.hpp"
#include "http/api/call.hpp"
#include "http/api/dto.hpp"
#include "http/api/json_fields.hpp"
#include "http/api/multipart.hpp"
#include "http/auth/random.hpp"

namespace social::http {

void answer_again_with_token(const call_ptr& c, const domain::user::account_view& then,
                             const domain::user::account_view& now) {
  auto& auth = c->core.auth;
  auth.generations.set(now.seq, now.generation);
  auth::claims who;
  who.user = now.seq;
  who.name = now.name;
  who.email = now.email;
  who.generation = now.generation;
  const auto token = auth.tokens.issue(who, c->core.node.now());
  c->succeed(dto::token_and_user(token, then), {"Cache-Control", "no-store"});
}

void answer_with_token(const call_ptr& c, const domain::user::account_view& account) {
  answer_again_with_token(c, account, account);
}

json_limits json_limits_of(const api_options& options) {
  return {options.json_depth_max, options.json_members_max};
}

namespace {

struct join_form {
  std::string name;
  std::string email;
  std::string password;
  std::vector<field_error> problems;
};

result<join_form> read_json(const call& c, std::string_view body) {
  auto fields = json_fields::parse(body, json_limits_of(c.core.options));
  if (!fields) return fields.error();
  join_form form;
  form.name = fields->required("name");
  form.email = fields->required("principal");
  form.password = fields->required("credentials");
  form.problems = std::move(fields->problems);
  return form;
}

/// The text of one field of a form; the picture and what is not known is left alone.
std::string text_field(const std::vector<form_part>& parts, std::string_view name, std::vector<field_error>& problems) {
  const auto same = [&](const form_part& part) { return part.name == name; };
  const auto found = std::find_if(parts.begin(), parts.end(), same);
  const char* wrong = nullptr;
  if (found == parts.end()) {
    wrong = "is required";
  } else if (std::count_if(parts.begin(), parts.end(), same) > 1) {
    wrong = "is given more than once";
  } else if (found->is_file || !is_valid_utf8(found->content) || found->content.find('\0') != std::string_view::npos) {
    wrong = "must be text in UTF-8";
  }
  if (wrong == nullptr) return std::string(found->content);
  problems.push_back({std::string(name), wrong});
  return {};
}

result<join_form> read_form(const call& c, std::string_view body) {
  const auto& options = c.core.options;
  const auto parts = parse_form(body, c.media.boundary, {options.form_parts_max, options.form_part_header_bytes_max});
  if (!parts) return parts.error();
  join_form form;
  form.name = text_field(*parts, "name", form.problems);
  form.email = text_field(*parts, "principal", form.problems);
  form.password = text_field(*parts, "credentials", form.problems);
  return form;
}

/// Somebody has joined under this key before: only who knows the password gets a token for it.
void answer_join_again(const call_ptr& c, const attempt_ptr& who, const domain::user::account_view& then) {
  verify_password(c, who, [then](const call_ptr& c, const protocol::account_answer& found) {
    answer_again_with_token(c, then, found.account);
  });
}

/// On a thread of the password pool.
void ask_to_join(const call_ptr& c, join_form form, std::string password_hash) {
  const auto shard = shard_of_email(ascii_lower(form.email), c->core.node.shards());
  auto context = c->context_of(form.email, {form.name});
  const auto who = std::make_shared<attempt>(attempt{ascii_lower(form.email), std::move(form.password)});
  domain::user::join command{std::move(form.name), std::move(form.email), std::move(password_hash),
                             auth::random_generation()};
  ask<domain::user_aggregate>(
      c, {domain::aggregate_kind::user, 0, shard}, std::move(context), std::move(command),
      or_fail<domain::user::reply>(c, [who](const call_ptr& c, const domain::user::reply& reply) {
        const auto& account = std::get<domain::user::account_view>(reply);
        if (c->replayed) return answer_join_again(c, who, account);
        c->core.counters.joins.fetch_add(1, std::memory_order_relaxed);
        answer_with_token(c, account);
      }));
}

}  // namespace

namespace actions {

void health(const call_ptr& c, std::string) {
  c->succeed(std::to_string(c->core.node.now()), {"Cache-Control", "no-store"});
}

void email_exists(const call_ptr& c, std::string body) {
  auto fields = json_fields::parse(body, json_limits_of(c->core.options));
  if (!fields) return c->fail(fields.error());
  auto address = fields->required("address");
  if (fields->problems.empty() && !domain::user::is_email(address))
    fields->problems.push_back({"address", "must be an e-mail address"});
  if (!fields->problems.empty()) return c->fail(invalid_fields(std::move(fields->problems)));
  c->core.node.query(c->io(), protocol::email_exists{std::move(address)},
                     or_fail<protocol::answer>(c, [](const call_ptr& c, const protocol::answer& found) {
                       c->succeed(std::get<protocol::exists_answer>(found).exists ? "true" : "false");
                     }));
}

void join(const call_ptr& c, std::string body) {
  auto form = c->media.kind == media::form ? read_form(*c, body) : read_json(*c, body);
  if (!form) return c->fail(form.error());
  merge_field_errors(form->problems, domain::user::validate_join(form->name, form->email, form->password));
  if (!form->problems.empty()) return c->fail(invalid_fields(std::move(form->problems)));
  auto password = form->password;
  c->core.auth.passwords.hash(std::move(password),
                              or_fail<std::string>(c, [form = std::move(*form)](const call_ptr& c, std::string& hash) {
                                ask_to_join(c, form, std::move(hash));
                              }));
}

void me(const call_ptr& c, std::string) {
  c->core.node.query(c->io(), protocol::account_by_id{c->user()}, [c](result<protocol::answer> found) {
    if (!found) return c->fail_as_caller(found.error());
    c->succeed(dto::user(std::get<protocol::account_answer>(*found).account));
  });
}

}  // namespace actions
}  // namespace social::http
