#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;
using names = std::vector<std::string>;

namespace {

const std::string join_json = R"({"name":"Harry","principal":"Harry@Example.com","credentials":"password1","age":7})";

result<domain::erased_ptr> joined() {
  return domain::erase(domain::user::reply(api_fixture::account()));
}

reply join_with_form(api_fixture& f, const std::string& body, const std::string& boundary = "B") {
  return f.send("POST", "/api/user/join", body, {{"Content-Type", "multipart/form-data; boundary=" + boundary}});
}

std::string form_field(const std::string& name, const std::string& value) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

}  // namespace

TEST_CASE("health answers the time in milliseconds, HEAD too", "[api]") {
  api_fixture f;
  CHECK(f.anonymous("GET", "/api/_hcheck").body == R"({"success":true,"response":1700000000000})");
  CHECK(f.anonymous("HEAD", "/api/_hcheck").status == 200);
}

TEST_CASE("exists asks for the address", "[api]") {
  api_fixture f;
  f.node.query_answer = protocol::answer(protocol::exists_answer{true});
  CHECK(f.anonymous("POST", "/api/user/exists", R"({"address":"a@b.c"})").value() == true);
  CHECK(std::get<protocol::email_exists>(f.node.queries.at(0)).email == "a@b.c");
  const auto refused = f.anonymous("POST", "/api/user/exists", R"({"address":"nobody"})");
  CHECK(refused.status == 400);
  CHECK(refused.fields() == names{"address"});
  CHECK(f.anonymous("POST", "/api/user/exists", R"({"address":7})").fields() == names{"address"});
  CHECK(f.anonymous("POST", "/api/user/exists", "{}").fields() == names{"address"});
}

TEST_CASE("joining hashes, asks the shard of the e-mail and hands out a token that works at once", "[api]") {
  api_fixture f;
  f.node.command_answer = joined();
  const auto r = f.send("POST", "/api/user/join", join_json,
                        {{"Content-Type", "application/json; charset=UTF-8"}, {"Idempotency-Key", "k-1"}});
  REQUIRE(r.status == 200);
  CHECK(r.find("Cache-Control") == "no-store");
  const auto user = r.value().at("user");
  CHECK(user.at("email").at("address") == "harry@example.com");
  CHECK_FALSE(user.contains("profileImageUrl"));
  const auto& asked = f.node.commands.at(0);
  CHECK(asked.target.id == 0);
  CHECK(asked.target.kind == domain::aggregate_kind::user);
  CHECK(asked.target.shard == shard_of_email("harry@example.com", 64));
  CHECK(asked.context.idempotency.key == "k-1");
  CHECK_FALSE(asked.context.trace.empty());
  const auto& join = std::get<domain::user::join>(f.node.last<domain::user_aggregate>());
  CHECK(join.password_hash.starts_with("$argon2id$"));
  CHECK(join.generation != 0);
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  const auto token = r.value().at("apiToken").get<std::string>();
  CHECK(f.send("GET", "/api/user/me", "", {{"Authorization", "bearer " + token}}).status == 200);
  CHECK(f.node.queries.size() == 1);
}

TEST_CASE("joining names every violated field at once", "[api]") {
  api_fixture f;
  CHECK(f.anonymous("POST", "/api/user/join", "{}").fields() == names{"name", "principal", "credentials"});
  const auto r = f.anonymous("POST", "/api/user/join", R"({"name":5,"principal":"x","credentials":"abc"})");
  CHECK(r.status == 400);
  CHECK(r.code() == "invalid_input");
  CHECK(r.fields() == names{"name", "principal", "credentials"});
  CHECK(f.node.commands.empty());
}

TEST_CASE("a taken e-mail is a conflict", "[api]") {
  api_fixture f;
  f.node.command_answer = error(error_code::email_taken);
  const auto r = f.anonymous("POST", "/api/user/join", join_json);
  CHECK(r.status == 409);
  CHECK(r.code() == "email_taken");
}

TEST_CASE("joining takes a form, with or without a picture", "[api]") {
  api_fixture f;
  f.node.command_answer = joined();
  const auto fields = form_field("name", "Harry") + form_field("principal", "harry@example.com") +
                      form_field("credentials", "password1");
  CHECK(join_with_form(f, fields + "--B--\r\n").status == 200);
  CHECK(f.last_bytes_max == 8 * 1024 * 1024);
  const auto picture = std::string("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\b.png\"\r\n") +
                       "Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n" + std::string(2, '\0') + "\r\n-";
  const auto r = join_with_form(f, fields + picture + "\r\n--B--");
  CHECK(r.status == 200);
  CHECK_FALSE(r.value().at("user").contains("profileImageUrl"));
}

TEST_CASE("a form's fields are judged like those of JSON", "[api]") {
  api_fixture f;
  CHECK(join_with_form(f, "--B--\r\n").fields() == names{"name", "principal", "credentials"});
  const auto twice = form_field("name", "Harry") + form_field("name", "Sally") +
                     form_field("principal", "h@example.com") +
                     form_field("credentials", std::string("pass\0word", 9)) + "--B--\r\n";
  CHECK(join_with_form(f, twice).fields() == names{"name", "credentials"});
  CHECK(join_with_form(f, "no boundary at all").code() == "malformed_request");
}

TEST_CASE("a form has its own size, and only where a form is taken", "[api]") {
  api_fixture f;
  f.declared_length = 8 * 1024 * 1024 + 1;
  CHECK(join_with_form(f, "").status == 413);
  f.declared_length = 8 * 1024 * 1024;
  CHECK(join_with_form(f, "").status == 400);
  f.declared_length = 64 * 1024 + 1;
  CHECK(f.anonymous("POST", "/api/user/join", "").status == 413);
  f.declared_length.reset();
  CHECK(f.send("POST", "/api/auth", "--B--", {{"Content-Type", "multipart/form-data; boundary=B"}}).status == 415);
}

TEST_CASE("me shows the account of the token", "[api]") {
  api_fixture f;
  f.node.account = protocol::account_answer{api_fixture::account(), "", {}};
  CHECK(
      f.get("/api/user/me").body ==
      R"({"success":true,"response":{"seq":451,"name":"Harry","email":{"address":"harry@example.com"},"loginCount":3,)"
      R"("lastLoginAt":"2023-11-14T22:13:20.123Z","createAt":"2020-09-13T12:26:40.000Z"}})");
  f.node.account.reset();
  f.node.query_answer = error(error_code::user_not_found);
  CHECK(f.get("/api/user/me").status == 401);
  f.node.query_answer = error(error_code::overloaded);
  const auto shed = f.get("/api/user/me");
  CHECK(shed.status == 503);
  CHECK(shed.find("Retry-After") == "1");
}

TEST_CASE("nothing of an inner failure leaves", "[api]") {
  api_fixture f;
  f.node.query_answer = error(error_code::corrupt_record, "table 1, key of Harry");
  const auto r = f.get("/api/user/me");
  CHECK(r.status == 500);
  CHECK(r.body.find("Harry") == std::string::npos);
  CHECK(r.body.find("request-1") != std::string::npos);
}

TEST_CASE("the idempotency key is 1 to 200 printable characters", "[api]") {
  api_fixture f;
  f.node.command_answer = joined();
  const auto with = [&](std::vector<header> keys) {
    keys.push_back({"Content-Type", "application/json"});
    return f.send("POST", "/api/user/join", join_json, keys).status;
  };
  CHECK(with({{"Idempotency-Key", std::string(200, 'k')}}) == 200);
  CHECK(with({{"Idempotency-Key", std::string(201, 'k')}}) == 400);
  CHECK(with({{"Idempotency-Key", ""}}) == 400);
  CHECK(with({{"Idempotency-Key", "a\tb"}}) == 400);
  CHECK(with({{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}}) == 400);
}
