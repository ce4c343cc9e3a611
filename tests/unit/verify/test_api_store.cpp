// A sound store has no findings; each kind of damage is found, with the key of what is wrong.
#include <fstream>

#include <rocksdb/file_system.h>

#include "storage/backup.hpp"
#include "storage/synced_mark.hpp"
#include "tests/unit/verify/world.hpp"

namespace social::verify::test {
namespace {

struct people {
  id_t ann = 0, bob = 0, post = 0, quiet_post = 0, comment = 0, second_comment = 0;
};

people fill(const std::filesystem::path& path) {
  writer w(path);
  people p;
  p.ann = w.join("Ann@example.com");
  p.bob = w.join("bob@example.com");
  p.post = w.post(p.ann);
  p.quiet_post = w.post(p.bob);
  w.connect(p.ann, p.bob, "bob@example.com");
  w.like(p.post, p.ann, p.bob);
  w.like(p.post, p.ann, p.ann);
  p.comment = w.comment(p.post, p.ann, p.bob);
  p.second_comment = w.comment(p.post, p.ann, p.ann);
  w.run<post_aggregate>(p.post, p.bob, post::add_views{3});
  w.run<user_aggregate>(p.ann, p.ann, user::record_sign_in{"$argon2id$hash"});
  return p;
}

std::vector<std::string> found_in(const std::filesystem::path& path) {
  return findings_in(path, [](const store_view& view) { (void)verify_api_store(view); });
}

struct bench : damaged_copies {
  bench() : damaged_copies(found_in) {}
  people p = fill(directory.path() / "sound");
};

bool has(const std::vector<std::string>& found, const std::string& one) {
  return std::ranges::find(found, one) != found.end();
}

}  // namespace

TEST_CASE("a sound api store has no findings, and every entity is replayed", "[verify]") {
  const bench b;
  api_summary seen;
  const auto found =
      findings_in(b.directory.path() / "sound", [&](const store_view& view) { seen = verify_api_store(view); });
  CHECK(found.empty());
  CHECK(seen.users == 2);
  CHECK(seen.posts == 2);
  CHECK(seen.comments == 2);
  CHECK(seen.likes == 2);
  CHECK(seen.connections == 1);
  CHECK(seen.replay.entities == 6);
  CHECK(seen.replay.partial == 0);
}

TEST_CASE("with little memory the journal is read in parts, and the same entities are replayed", "[verify]") {
  const bench b;
  api_summary seen;
  const auto found =
      findings_in(b.directory.path() / "sound", [&](const store_view& view) { seen = verify_api_store(view, 600); });
  CHECK(found.empty());
  CHECK(seen.replay.entities == 6);
}

TEST_CASE("verify changes nothing on disk, and a server cannot start meanwhile", "[verify]") {
  const bench b;
  const auto path = b.directory.path() / "sound";
  const auto sizes = [&] {
    std::map<std::string, std::pair<std::uintmax_t, std::filesystem::file_time_type>> out;
    for (const auto& file : std::filesystem::directory_iterator(path))
      out[file.path().filename()] = {file.file_size(), file.last_write_time()};
    return out;
  };
  const auto before = sizes();
  (void)found_in(path);
  CHECK(sizes() == before);
  {
    const auto held = storage::stopped_store::open(options_in(path, shards));
    REQUIRE(held);
    CHECK(storage::rocks_store::open(options_in(path, shards)).error().code == error_code::store_locked);
  }
  const auto serving = open_or_fail(options_in(path, shards));
  CHECK(storage::stopped_store::open(options_in(path, shards)).error().code == error_code::store_locked);
}

TEST_CASE("what a killed process left in the log is looked at where it lies", "[verify]") {
  const scratch_directory directory;
  const auto left = [&](const char* name) { return directory.path() / name; };
  const auto newest_log = [](const std::filesystem::path& store) {
    std::filesystem::path newest;
    for (const auto& file : std::filesystem::directory_iterator(store))
      if (file.path().extension() == ".log" && file.path() > newest) newest = file.path();
    REQUIRE(!newest.empty());
    return newest;
  };
  {
    writer w(left("running"));
    w.post(w.join("ann@example.com"));
    for (const char* copy : {"killed", "torn", "cut"}) copy_store(left("running"), left(copy));
  }
  api_summary seen;
  const auto found = findings_in(left("killed"), [&](const store_view& view) { seen = verify_api_store(view); });
  CHECK(found.empty());
  CHECK(seen.posts == 1);

  {  // a power cut tore what was never synced
    std::ofstream log(newest_log(left("torn")), std::ios::app | std::ios::binary);
    log << std::string(100, '\x5a');
  }
  const auto torn_log = newest_log(left("torn"));
  const auto size = std::filesystem::file_size(torn_log);
  CHECK(found_in(left("torn")).empty());
  CHECK(std::filesystem::file_size(torn_log) == size);

  storage::write_mark(*rocksdb::FileSystem::Default(), left("cut"), {1'000'000, {}}).value();
  const auto refused = storage::stopped_store::open(options_in(left("cut"), shards));
  REQUIRE(!refused);
  CHECK(refused.error().code == error_code::store_damaged);
  CHECK(refused.error().message.find("known to have been synced") != std::string::npos);
}

TEST_CASE("views and indexes that are missing or too many are named", "[verify]") {
  bench b;
  const auto p = b.p;
  const auto name = [](const row_key& key) { return ports::name_of(key); };
  for (const auto& [kind, key] :
       std::vector<std::pair<std::string, row_key>>{{"index", {table::email, 0, 0, "ann@example.com"}},
                                                    {"index", {table::generation, p.ann, 0, {}}},
                                                    {"view", {table::post_of_owner, p.ann, p.post, {}}},
                                                    {"view", {table::comment_of_post, p.post, p.comment, {}}},
                                                    {"replay", {table::like, p.post, p.bob, {}}},
                                                    {"replay", {table::connection, p.ann, p.bob, {}}},
                                                    {"count", {table::counts, 2, p.post, {}}}}) {
    INFO(name(key));
    CHECK(has(b.after_writing({{key, std::nullopt}}), kind + " " + name(key)));
  }
  for (const auto& [kind, change] : std::vector<std::pair<std::string, row_change>>{
           {"index", put({table::email, 0, 0, "eve@example.com"}, user::email_row{p.ann})},
           {"owner", put({table::generation, 4004, 0, {}}, user::generation_row{1})},
           {"view", {{table::post_of_owner, p.bob, p.post, {}}, ""}},
           {"view", {{table::comment_of_post, p.quiet_post, p.comment, {}}, ""}},
           {"owner", {{table::comment_of_post, 4004, p.comment, {}}, ""}},
           {"owner", put({table::like, 4004, p.bob, {}}, post::like_row{{p.bob, "n", "e", {}}, 1})},
           {"owner", put({table::counts, 2, 4004, {}}, post::counts{})},
           {"table", {{static_cast<table>(20), 1, 1, {}}, "x"}},
           {"table", {{table::endpoint, 0, 0, "x"}, "x"}}}) {
    INFO(name(change.key));
    CHECK(has(b.after_writing({change}), kind + " " + name(change.key)));
  }
}

TEST_CASE("counts that are not those of the rows are named", "[verify]") {
  bench b;
  const row_key key{table::counts, 2, b.p.post, {}};
  const row_key of_quiet{table::counts, 2, b.p.quiet_post, {}};
  CHECK(b.after_writing({{of_quiet, std::nullopt}}).empty());
  CHECK(b.after_writing({put(of_quiet, post::counts{})}).empty());
  CHECK(has(b.after_writing({put(of_quiet, post::counts{0, 0, 1})}), "replay " + ports::name_of(of_quiet)));
  CHECK(has(b.after_writing({put(key, post::counts{3, 2, 3})}), "count " + ports::name_of(key)));
  CHECK(has(b.after_writing({put(key, post::counts{2, 1, 3})}), "count " + ports::name_of(key)));
  // Views have no rows: the events say them.
  CHECK(has(b.after_writing({put(key, post::counts{2, 2, 4})}), "replay " + ports::name_of(key)));
  const row_key like{table::like, b.p.post, b.p.bob, {}};
  CHECK(has(b.after_writing({{like, std::nullopt}}), "count " + ports::name_of(key)));
}

TEST_CASE("state rows that do not decode, or say something else than their events, are named", "[verify]") {
  bench b;
  for (const auto& [kind, id] : std::vector<std::pair<aggregate_kind, id_t>>{
           {aggregate_kind::user, b.p.ann}, {aggregate_kind::post, b.p.post}, {aggregate_kind::comment, b.p.comment}}) {
    const auto key = state_key(kind, id);
    const auto flip = [&, where = key](std::size_t from_end) {
      return b.after([&](writer& w) {
        auto bytes = *storage::test::row_of(w.store(), where);
        bytes[bytes.size() - from_end] = static_cast<char>(bytes[bytes.size() - from_end] ^ 0x41);
        w.write({{where, bytes}});
      });
    };
    INFO(ports::name_of(key));
    CHECK(has(flip(5), "replay " + ports::name_of(key)));
    CHECK(has(b.after_writing({{key, "\1"}}), "decode " + ports::name_of(key)));
    CHECK(has(b.after_writing({{key, std::nullopt}}), "replay " + ports::name_of(key)));
  }
}

TEST_CASE("rows with a wrong owner, in a wrong shard or with an id of the future are named", "[verify]") {
  bench b;
  const auto p = b.p;
  const person nobody{4004, "Nobody", "n@example.com", {}};
  const auto post_key = state_key(aggregate_kind::post, p.post);
  post::state post{p.post, nobody, "hello world", noon, {}, {}};
  auto found = b.after_writing({put(post_key, post)});
  CHECK(has(found, "person " + ports::name_of(post_key)));
  CHECK(has(found, "view " + ports::name_of({table::post_of_owner, 4004, p.post, {}})));

  const auto comment_key = state_key(aggregate_kind::comment, p.comment);
  comment::state comment{p.comment, p.post, p.bob, {p.bob, "Harry", "bob@example.com", {}}, "well said", noon, {}};
  found = b.after_writing({put(comment_key, comment)});
  CHECK(has(found, "owner " + ports::name_of(comment_key)));

  // A user in a shard that is not that of the e-mail, with a number that has not been given out.
  const auto wrong = make_id(5000, shards, static_cast<shard_t>((shard_of(p.ann, shards) + 1) % shards));
  user::state account;
  account.seq = wrong;
  account.name = "Ann";
  account.email = "Ann@example.com";
  found = b.after_writing({put(state_key(aggregate_kind::user, wrong), account)});
  CHECK(has(found, "shard " + ports::name_of(state_key(aggregate_kind::user, wrong))));
  CHECK(has(found, "id " + ports::name_of(state_key(aggregate_kind::user, wrong))));

  const row_key like{table::like, p.post, 4004, {}};
  CHECK(has(b.after_writing({put(like, post::like_row{nobody, noon})}), "person " + ports::name_of(like)));
  const row_key connection{table::connection, p.bob, p.ann, {}};
  CHECK(has(b.after_writing(
                {put(connection,
                     user::connection_row{
                         static_cast<user::connection_state>(9), {p.ann, "Ann", "a@example.com", {}}, noon, {}})}),
            "connection " + ports::name_of(connection)));
}

TEST_CASE("a cursor ahead of the journal is named", "[verify]") {
  bench b;
  const auto key = ports::cursor_key("kafka", shard_of(b.p.ann, shards));
  CHECK(b.after_writing({put(key, ports::cursor_row{1})}).empty());
  CHECK(has(b.after_writing({put(key, ports::cursor_row{1000})}), "cursor " + ports::name_of(key)));
}

TEST_CASE("holes and damaged records of the journal are named", "[verify]") {
  bench b;
  const auto shard = shard_of(b.p.ann, shards);
  const auto damaged = [&](const auto& change) {
    const auto path = b.directory.path() / std::to_string(++b.copies);
    copy_store(b.directory.path() / "sound", path);
    damage_journal(path, change);
    return found_in(path);
  };
  const auto second = storage::encode_journal_key({shard, 2});
  const auto hole = damaged([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* journal) {
    REQUIRE(db.Delete({}, journal, slice(second)).ok());
  });
  CHECK(has(hole, "sequence " + ports::name_of_record(shard, 3)));
  const auto torn = damaged([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* journal) {
    REQUIRE(db.Put({}, journal, slice(second), "\1torn").ok());
  });
  CHECK(has(torn, "decode " + ports::name_of_record(shard, 2)));
  CHECK(has(torn, "replay " + ports::name_of_record(shard, 1)));
  // An event of somebody who lives elsewhere.
  const auto foreign = b.after([&](writer& w) {
    ports::commit_request request;
    request.shard = shard;
    request.events.push_back({aggregate_kind::post, make_id(1, shards, static_cast<shard_t>((shard + 1) % shards)), 4,
                              encode_record(post::post_viewed{1, 1, 1, noon})});
    w.write(std::move(request));
  });
  CHECK(std::ranges::any_of(foreign, [](const auto& one) { return one.starts_with("shard journal/"); }));
}

TEST_CASE("a store that goes on from a backup skips ahead, which is no hole", "[verify]") {
  bench b;
  const auto path = b.directory.path() / "restored";
  copy_store(b.directory.path() / "sound", path);
  REQUIRE(storage::skip_ahead(options_in(path, shards)));
  CHECK(found_in(path).empty());
  id_t joined = 0;
  {
    writer w(path);
    joined = w.join("carol@example.com");
    w.post(joined);
  }
  CHECK(joined / shards > storage::ids_skipped);
  CHECK(found_in(path).empty());
}

TEST_CASE("entities whose first event is gone are not replayed, and nothing is missed of the others", "[verify]") {
  bench b;
  const auto shard = shard_of(b.p.ann, shards);
  const auto path = b.directory.path() / "trimmed";
  copy_store(b.directory.path() / "sound", path);
  damage_journal(path, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* journal) {
    REQUIRE(db.Delete({}, journal, slice(storage::encode_journal_key({shard, 1}))).ok());
  });
  api_summary seen;
  const auto found = findings_in(path, [&](const store_view& view) { seen = verify_api_store(view); });
  CHECK(found.empty());
  CHECK(seen.replay.partial == 1);  // Ann, who signed in after that
  CHECK(seen.replay.entities == 5);
}

}  // namespace social::verify::test
