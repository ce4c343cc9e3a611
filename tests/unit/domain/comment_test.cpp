#include <string>
#include <vector>

#include "tests/unit/domain/world.hpp"

namespace social::domain::test {
using namespace social::domain::comment;

namespace {

command_context context_of(id_t self) {
  command_context context;
  context.now = noon;
  context.self = self;
  context.caller = 2;
  return context;
}

const create good = {100, person_of(1, "anna"), {3, noon - 1, noon - 2}, person_of(2, "bo"), "nice"};

}  // namespace

TEST_CASE("a comment is created as its post says", "[domain][comment]") {
  CHECK(keys_for<comment_aggregate>(good, context_of(500)).empty());
  const auto decided = comment_aggregate::decide({}, {}, context_of(500), good);
  REQUIRE(decided);
  REQUIRE(decided->events.size() == 1);
  CHECK(std::get<comment_created>(decided->events[0]).post_writer == good.post_writer);
  CHECK(std::get<comment_created>(decided->events[0]).post_writer_history == good.post_writer_history);
  state after;
  comment_aggregate::apply(after, decided->events[0]);
  CHECK(rows_of<comment_aggregate>(decided->events[0], after).empty());
  const auto view = std::get<comment_view>(comment_aggregate::answer(after, {}, context_of(500), good));
  CHECK(view.seq == 500);
  CHECK(view.contents == "nice");
  CHECK(view.writer == good.writer);
  CHECK(view.created_at == noon);
  CHECK_FALSE(view.updated_at);
  CHECK(after.post == 100);
  CHECK(after.owner == 1);
  CHECK(comment_aggregate::redacted(after) ==
        R"({"seq":500,"post":100,"owner":1,"writer":{"seq":2,"name":"bo"},"contents":"nice",)"
        R"("createAt":"2026-11-23T16:00:00.000Z"})");
}

TEST_CASE("what no post would say is an error of ours", "[domain][comment]") {
  state there;
  there.seq = 500;
  auto no_post = good;
  no_post.post = 0;
  auto no_writer = good;
  no_writer.writer.seq = 0;
  auto no_owner = good;
  no_owner.post_writer.seq = 0;
  auto empty = good;
  empty.contents.clear();
  const auto code = [](const state& s, id_t self, const create& c) {
    const auto decided = comment_aggregate::decide(s, {}, context_of(self), c);
    REQUIRE_FALSE(decided);
    return decided.error().code;
  };
  CHECK(code(there, 500, good) == error_code::internal);
  CHECK(code({}, 0, good) == error_code::internal);
  for (const auto& c : {no_post, no_writer, no_owner, empty}) CHECK(code({}, 500, c) == error_code::internal);
}

}  // namespace social::domain::test
