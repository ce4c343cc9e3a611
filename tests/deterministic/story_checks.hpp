// What must hold in the store of a random story, whatever has happened; and a digest of all that did.
#pragma once

#include <map>
#include <set>
#include <string_view>

#include "tests/support/region_world.hpp"

namespace social::aggregates::test {

using namespace social::test;
using namespace domain;

inline std::size_t rows_of(const memory_store::image& disk, table where, std::uint64_t a) {
  std::size_t count = 0;
  for (const auto& [bytes, row] : disk.rows)
    if (row.key.where == where && row.key.a == a) ++count;
  return count;
}

/// What a reader may never see otherwise.
inline void check_counts(const memory_store& store) {
  store.look([](const memory_store::image& disk) {
    for (const auto& [bytes, row] : disk.rows) {
      if (row.key.where != table::counts || row.key.a != static_cast<std::uint64_t>(aggregate_kind::post)) continue;
      const auto numbers = decode_record<post::counts>(row.bytes).value();
      REQUIRE(numbers.likes == rows_of(disk, table::like, row.key.b));
      REQUIRE(numbers.comments == rows_of(disk, table::comment_of_post, row.key.b));
    }
  });
}

struct replayed {
  std::map<id_t, user::state> users;
  std::map<id_t, post::state> posts;
  std::map<id_t, comment::state> comments;
  std::map<id_t, toy::state> toys;
  std::set<std::pair<id_t, id_t>> likes;

  void take(const encoded_event& e) {
    if (e.kind == toy_aggregate::kind)
      return toy_aggregate::apply(toys[e.id], decode_event<toy_aggregate>(e.type, e.bytes).value());
    switch (e.kind) {
      case aggregate_kind::user:
        return user_aggregate::apply(users[e.id], decode_event<user_aggregate>(e.type, e.bytes).value());
      case aggregate_kind::comment:
        return comment_aggregate::apply(comments[e.id], decode_event<comment_aggregate>(e.type, e.bytes).value());
      default:
        break;
    }
    const auto event = decode_event<post_aggregate>(e.type, e.bytes).value();
    if (const auto* liked = std::get_if<post::post_liked>(&event))
      REQUIRE(likes.insert({liked->post, liked->who.seq}).second);  // nobody likes twice
    post_aggregate::apply(posts[e.id], event);
  }
};

/// The journal has no holes, and replaying it gives the rows byte for byte.
inline void check_journal(const memory_store& store) {
  replayed all;
  store.look([&](const memory_store::image& disk) {
    for (const auto& [shard, records] : disk.records) {
      std::uint64_t next = 1;
      for (const auto& record : records) {
        REQUIRE(record.first_sequence == next);
        REQUIRE_FALSE(record.events.empty());
        next += record.events.size();
        for (const auto& event : record.events) {
          REQUIRE(shard_of(event.id, store.shards()) == shard);
          all.take(event);
        }
      }
    }
    std::size_t states = 0;
    const auto same = [&]<class State>(const std::map<id_t, State>& made, aggregate_kind kind) {
      for (const auto& [id, state] : made) {
        const auto row = disk.rows.find(encode_memory_key({table::state, static_cast<std::uint64_t>(kind), id, {}}));
        REQUIRE(row != disk.rows.end());
        REQUIRE(row->second.bytes == encode_record(state));
        ++states;
      }
    };
    same(all.users, aggregate_kind::user);
    same(all.posts, aggregate_kind::post);
    same(all.comments, aggregate_kind::comment);
    same(all.toys, toy_aggregate::kind);
    const auto same_numbers = [&](const auto& made, aggregate_kind kind) {
      for (const auto& [id, state] : made) {
        const auto row = disk.rows.find(encode_memory_key({table::counts, static_cast<std::uint64_t>(kind), id, {}}));
        if (row == disk.rows.end())
          REQUIRE(state.numbers == std::remove_cvref_t<decltype(state.numbers)>{});
        else
          REQUIRE(row->second.bytes == encode_record(state.numbers));
      }
    };
    same_numbers(all.posts, aggregate_kind::post);
    same_numbers(all.toys, toy_aggregate::kind);
    std::size_t rows = 0;
    std::size_t emails = 0;
    for (const auto& [bytes, row] : disk.rows) {
      rows += row.key.where == table::state ? 1 : 0;
      emails += row.key.where == table::email ? 1 : 0;
    }
    REQUIRE(rows == states);  // no row without its events
    REQUIRE(emails == all.users.size());
  });
}

/// FNV-1a over everything that happens, in order: two stories that differ anywhere differ here.
class trace {
 public:
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) take(static_cast<unsigned char>(number >> shift));
  }
  void add(std::string_view text) {
    add(text.size());
    for (const char c : text) take(static_cast<unsigned char>(c));
  }
  /// Every row and every record.
  void add(const memory_store& store) {
    store.look([this](const memory_store::image& disk) {
      for (const auto& [key, row] : disk.rows) {
        add(key);
        add(row.bytes);
      }
      for (const auto& [shard, records] : disk.records)
        for (const auto& record : records) {
          add(record.first_sequence);
          add(static_cast<std::uint64_t>(record.time));
          for (const auto& event : record.events) {
            add(event.id);
            add(event.bytes);
          }
        }
    });
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  void take(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3ULL; }
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace social::aggregates::test
