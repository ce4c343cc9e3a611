#include "tests/unit/http/api_harness.hpp"

using namespace social;
using namespace social::http;
using namespace social::http::testing;

namespace {

const std::string post_path = "/api/user/581/post/133";
const std::string foreign_shard = "/api/user/581/post/134";

std::string quoted(const std::string& contents) {
  return nlohmann::json{{"contents", contents}}.dump();
}

/// The query string of the Link header's target.
std::string next_of(const reply& r) {
  const auto link = r.find("Link");
  const auto from = link.find('?');
  REQUIRE(from != std::string::npos);
  CHECK(link.ends_with(">; rel=\"next\""));
  return link.substr(from, link.find('>') - from);
}

}  // namespace

TEST_CASE("writing a post goes to the caller's own shard", "[api]") {
  api_fixture f;
  f.node.command_answer = domain::erase(domain::post::reply(api_fixture::post()));
  const auto r = f.call("POST", "/api/post", quoted("hello world"));
  CHECK(
      r.body ==
      R"({"success":true,"response":{"seq":133,"contents":"hello world","likes":1,"likesOfMe":true,"comments":2,"views":3,)"
      R"("writer":{"seq":581,"name":"Sally","email":{"address":"sally@example.com"}},"createAt":"2020-09-13T12:26:40.000Z"}})");
  const auto& asked = f.node.commands.at(0);
  CHECK(asked.target.id == 0);
  CHECK(asked.target.shard == 3);
  CHECK(asked.context.caller == api_fixture::me_id);
  CHECK(std::get<domain::post::write>(f.node.last<domain::post_aggregate>()).contents == "hello world");
}

TEST_CASE("contents have 4 to 500 characters, whatever their bytes", "[api]") {
  api_fixture f;
  f.node.command_answer = domain::erase(domain::post::reply(api_fixture::post()));
  const auto korean = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "\xea\xb0\x80";
    return text;
  };
  CHECK(f.call("POST", "/api/post", quoted(korean(3))).fields() == std::vector<std::string>{"contents"});
  CHECK(f.call("POST", "/api/post", quoted(korean(4))).status == 200);
  CHECK(f.call("POST", "/api/post", quoted(korean(500))).status == 200);
  CHECK(f.call("POST", "/api/post", quoted(korean(501))).status == 400);
  CHECK(f.call("POST", "/api/post", R"({"contents":["a"]})").fields() == std::vector<std::string>{"contents"});
  CHECK(f.call("POST", "/api/post", R"({"text":"hello"})").fields() == std::vector<std::string>{"contents"});
}

TEST_CASE("opening somebody else's post counts a view once it is answered", "[api]") {
  api_fixture f;
  f.node.query_answer = protocol::answer(protocol::post_answer{api_fixture::post()});
  CHECK(f.get(post_path).status == 200);
  const auto& asked = std::get<protocol::post_by_id>(f.node.queries.at(0));
  CHECK(asked.caller == api_fixture::me_id);
  CHECK(asked.owner == api_fixture::other_id);
  CHECK(asked.post == api_fixture::other_post);
  CHECK(f.node.views == std::vector<std::pair<social::id_t, std::uint64_t>>{{133, 1}});
  CHECK(f.send("HEAD", post_path, "", {f.bearer()}).status == 200);
  f.node.query_answer = error(error_code::forbidden);
  CHECK(f.get(post_path).status == 403);
  f.node.query_answer = protocol::answer(protocol::post_answer{api_fixture::post(64 + 3)});
  CHECK(f.get("/api/user/451/post/67").status == 200);
  CHECK(f.node.views.size() == 1);
}

TEST_CASE("a post that cannot be there is 404 only for who may know", "[api]") {
  api_fixture f;
  for (const auto& path : {foreign_shard, std::string("/api/user/581/post/abc"), std::string("/api/user/581/post/0")}) {
    f.node.queries.clear();
    f.node.query_answer = protocol::answer(protocol::access_answer{});
    CHECK(f.get(path).code() == "post_not_found");
    CHECK(std::get<protocol::access>(f.node.queries.at(0)).owner == api_fixture::other_id);
    CHECK(f.call("PATCH", path + "/like").code() == "post_not_found");
    CHECK(f.call("POST", path + "/comment", quoted("well said")).code() == "post_not_found");
    CHECK(f.get(path + "/comment/list").code() == "post_not_found");
    f.node.query_answer = error(error_code::forbidden);
    CHECK(f.get(path).status == 403);
    CHECK(f.call("PATCH", path + "/like").status == 403);
  }
  CHECK(f.node.commands.empty());
  CHECK(f.node.views.empty());
}

TEST_CASE("liking and commenting ask the post", "[api]") {
  api_fixture f;
  f.node.command_answer = domain::erase(domain::post::reply(api_fixture::post()));
  CHECK(f.send("PATCH", post_path + "/like", "", {f.bearer()}).value().at("likesOfMe") == true);
  CHECK(f.node.commands.at(0).target.id == api_fixture::other_post);
  CHECK(std::get<domain::post::like>(f.node.last<domain::post_aggregate>()).owner == api_fixture::other_id);
  f.node.command_answer = domain::erase(domain::comment::reply(api_fixture::comment()));
  const auto r = f.call("POST", post_path + "/comment", quoted("well said"));
  CHECK(r.value().dump() ==
        nlohmann::json::parse(R"({"seq":261,"contents":"well said","writer":{"seq":451,"name":"Sally",
    "email":{"address":"sally@example.com"}},"createAt":"2020-09-13T12:26:40.000Z"})")
            .dump());
  const auto& sent = std::get<domain::post::write_comment>(f.node.last<domain::post_aggregate>());
  CHECK(sent.owner == api_fixture::other_id);
  CHECK(sent.contents == "well said");
  for (const auto code : {error_code::forbidden, error_code::post_not_found, error_code::outcome_unknown}) {
    f.node.command_answer = error(code);
    CHECK(f.call("PATCH", post_path + "/like").status == describe(code).http_status);
  }
}

TEST_CASE("lists are paged by offset or cursor, each limit at and beyond its ends", "[api]") {
  api_fixture f;
  f.node.query_answer = protocol::answer(protocol::post_page{{api_fixture::post()}, std::nullopt});
  const std::string list = "/api/user/581/post/list";
  const auto r = f.get(list);
  CHECK(r.value().size() == 1);
  CHECK(r.find("Link").empty());
  CHECK(std::get<protocol::posts_of>(f.node.queries.back()).limit == 5);
  CHECK(f.get(list + "?offset=10000&limit=100").status == 200);
  CHECK(std::get<protocol::posts_of>(f.node.queries.back()).offset == 10000);
  CHECK(f.get(list + "?offset=10001&limit=101").fields() == std::vector<std::string>{"offset", "limit"});
  for (const auto* query : {"?limit=0", "?limit=", "?limit=-1", "?limit=1x", "?offset=-1", "?offset=+1", "?limit=1.5",
                            "?cursor=", "?cursor=abc", "?cursor=!!!", "?limit=99999999999999999999999"})
    CHECK(f.get(list + query).status == 400);
}

TEST_CASE("the next page is linked with a cursor that works for its list only", "[api]") {
  api_fixture f;
  f.node.query_answer = protocol::answer(protocol::post_page{{api_fixture::post()}, 133});
  const std::string list = "/api/user/581/post/list";
  const auto r = f.get(list + "?limit=1&offset=3");
  CHECK(r.find("Link").starts_with("<https://s.example/api/user/581/post/list?limit=1&cursor="));
  CHECK(f.get(list + next_of(r)).status == 200);
  const auto& asked = std::get<protocol::posts_of>(f.node.queries.back());
  CHECK(asked.after == social::id_t{133});
  CHECK(asked.offset == 0);
  CHECK(asked.limit == 1);
  CHECK(f.get(list + next_of(r) + "&offset=1").fields() == std::vector<std::string>{"offset"});
  CHECK(f.get(post_path + "/comment/list" + next_of(r)).fields() == std::vector<std::string>{"cursor"});
}

TEST_CASE("comments come all when no limit is given", "[api]") {
  api_fixture f;
  f.node.query_answer = protocol::answer(protocol::comment_page{{api_fixture::comment()}, 261});
  const auto r = f.get(post_path + "/comment/list");
  CHECK(r.value().at(0).at("seq") == 261);
  CHECK(std::get<protocol::comments_of>(f.node.queries.back()).limit == 1000);
  CHECK(next_of(r).starts_with("?cursor="));
  CHECK(f.get(post_path + "/comment/list" + next_of(r)).status == 200);
  CHECK(std::get<protocol::comments_of>(f.node.queries.back()).after == social::id_t{261});
  CHECK(f.get(post_path + "/comment/list?limit=101").status == 400);
}
