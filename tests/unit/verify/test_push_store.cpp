// The push store: devices, endpoint rows, and work queues that must agree.
#include "actors/push/rows.hpp"
#include "tests/unit/verify/world.hpp"

namespace social::verify::test {
namespace {

constexpr id_t ann = 101;
constexpr id_t bob = 202;
const std::string phone = "https://push.example/phone";
const std::string laptop = "https://push.example/laptop";

push::delivery_name delivery_name() {
  return {ann, subscription::device_seq(phone), push::delivery_id("store", "1-1")};
}
push::delivery_row delivery() {
  push::delivery_row row;
  row.event_id = "1-1";
  row.origin = "https://push.example";
  row.created = noon;
  row.expires = noon + 1000;
  row.next_attempt = noon + 5;
  return row;
}
push::gather_name window() {
  return {ann, subscription::device_seq(phone), "like/7"};
}

row_change mark(row_key key) {
  return {std::move(key), std::string()};
}

row_key due() {
  return push::due_key(push::lane_id(delivery().origin), delivery().next_attempt, delivery_name());
}
row_key seen() {
  return push::seen_key("store", "1-1");
}

void fill(const std::filesystem::path& path) {
  writer w(path);
  w.subscribe(ann, phone, 1);
  w.subscribe(ann, laptop, 2);
  w.subscribe(bob, "https://push.example/bob", 3);
  w.run<subscription_aggregate>(bob, bob,
                                subscription::remove_device{subscription::device_seq("https://push.example/bob"), 3,
                                                            subscription::endpoint_hash("https://push.example/bob")});
  const push::gather_row gathering{noon + 60'000, 5, {}, 0, {}};
  w.write({put(push::delivery_key(delivery_name()), delivery()),
           put(due(), push::due_row{delivery().origin, delivery().created, delivery().expires}),
           put(push::gather_key(window()), gathering), mark(push::gather_due_key(window(), gathering.window_end)),
           put(seen(), push::seen_row{noon + 9}), mark(push::seen_due_key(seen(), noon + 9))});
  for (shard_t shard = 0; shard < shards; ++shard)  // reactions have come to everything
    w.write({put(push::reaction_cursor_key(shard), push::reaction_cursor_row{w.store().ports().log->head(shard)})});
}

std::vector<std::string> found_in(const std::filesystem::path& path) {
  return findings_in(path, [](const store_view& view) { (void)verify_push_store(view, nullptr); });
}

struct bench : damaged_copies {
  bench() : damaged_copies(found_in) { fill(directory.path() / "sound"); }
};

bool has(const std::vector<std::string>& found, const std::string& kind, const row_key& key) {
  return std::ranges::find(found, kind + " " + ports::name_of(key)) != found.end();
}

}  // namespace

TEST_CASE("a sound push store has no findings", "[verify]") {
  const bench b;
  push_summary seen_there;
  const auto found = findings_in(b.directory.path() / "sound",
                                 [&](const store_view& view) { seen_there = verify_push_store(view, nullptr); });
  CHECK(found.empty());
  CHECK(seen_there.users == 2);
  CHECK(seen_there.devices == 2);
  CHECK(seen_there.deliveries == 1);
  CHECK(seen_there.replay.entities == 2);
}

TEST_CASE("rows of the push store that are missing are named", "[verify]") {
  bench b;
  for (const auto& [kind, key] :
       std::vector<std::pair<std::string, row_key>>{{"view", {table::subscriber_user, ann, 0, {}}},
                                                    {"index", push::endpoint_key(phone)},
                                                    {"view", due()},
                                                    {"view", push::gather_due_key(window(), noon + 60'000)},
                                                    {"view", push::seen_due_key(seen(), noon + 9)},
                                                    {"replay", push::subscription_key(ann)}}) {
    INFO(ports::name_of(key));
    CHECK(has(b.after_writing({{key, std::nullopt}}), kind, key));
  }
  // Named by what is left behind.
  CHECK(has(b.after_writing({{push::delivery_key(delivery_name()), std::nullopt}}), "view", due()));
  CHECK(has(b.after_writing({{seen(), std::nullopt}}), "view", push::seen_due_key(seen(), noon + 9)));
}

TEST_CASE("rows of the push store that contradict each other are named", "[verify]") {
  bench b;
  CHECK(has(b.after_writing({put(push::endpoint_key(phone), subscription::endpoint_row{bob, 9})}), "index",
            push::endpoint_key(phone)));
  CHECK(
      has(b.after_writing({mark({table::subscriber_user, bob, 0, {}})}), "view", {table::subscriber_user, bob, 0, {}}));
  CHECK(
      has(b.after_writing({mark({table::subscriber_user, 999, 0, {}})}), "view", {table::subscriber_user, 999, 0, {}}));
  auto later = delivery();
  later.next_attempt += 1;
  CHECK(has(b.after_writing({put(push::delivery_key(delivery_name()), later)}), "view", due()));
  auto to_nobody = delivery_name();
  to_nobody.user = 999;
  CHECK(has(b.after_writing({put(push::delivery_key(to_nobody), delivery())}), "owner", push::delivery_key(to_nobody)));
  const auto reaction = push::reaction_cursor_key(1);
  CHECK(has(b.after_writing({put(reaction, push::reaction_cursor_row{1000})}), "cursor", reaction));
  CHECK(has(b.after_writing({{push::subscription_key(ann), "\1"}}), "decode", push::subscription_key(ann)));
  CHECK(has(b.after_writing({{state_key(aggregate_kind::user, 5), "x"}}), "key", state_key(aggregate_kind::user, 5)));
}

TEST_CASE("an endpoint that has moved is no finding before the reaction has come to it, and one afterwards",
          "[verify]") {
  bench b;
  const auto moved = [&](bool reacted) {
    return b.after([&](writer& w) {
      w.subscribe(bob, phone, 4);
      const auto shard = shard_of(bob, shards);
      if (reacted)
        w.write({put(push::reaction_cursor_key(shard), push::reaction_cursor_row{w.store().ports().log->head(shard)})});
    });
  };
  CHECK(moved(false).empty());
  CHECK(has(moved(true), "index", push::endpoint_key(phone)));
}

TEST_CASE("a cursor of the push role ahead of the api store's journal is named", "[verify]") {
  const bench b;
  const auto api = b.directory.path() / "api";
  {
    writer(api).join("ann@example.com");
  }
  const auto path = b.directory.path() / "sound";
  const auto key = ports::cursor_key("push", 0);
  {
    writer w(path);
    w.write({put(key, ports::cursor_row{500})});
  }
  const auto api_store = storage::stopped_store::open(options_in(api, shards));
  REQUIRE(api_store);
  const auto found =
      findings_in(path, [&](const store_view& view) { (void)verify_push_store(view, &(*api_store)->log()); });
  CHECK(has(found, "cursor", key));
}

}  // namespace social::verify::test
