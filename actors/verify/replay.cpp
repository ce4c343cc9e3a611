#include "actors/verify/replay.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace social::verify {
namespace {

constexpr std::size_t records_per_read = 1000;
constexpr std::size_t bytes_per_read = std::size_t{1} << 20;
/// Of the bookkeeping around one entity: map node, objects, strings' headers.
constexpr std::size_t entity_bytes = 512;

struct under_way {
  std::unique_ptr<replayed> entity;  ///< null: its first event is gone, or its events do not fit
  /// View rows that do not hold what the events said so far; a later event may say what they hold.
  std::unordered_map<domain::row_key, std::optional<std::string>, domain::row_key_hash> open;
};

struct entity_name {
  domain::aggregate_kind kind{};
  id_t id = 0;
  friend bool operator==(const entity_name&, const entity_name&) = default;
};
struct entity_hash {
  std::size_t operator()(const entity_name& name) const noexcept {
    return (name.id ^ (static_cast<std::uint64_t>(name.kind) << 56)) * 0x9E3779B97F4A7C15ULL;
  }
};

/// One shard's journal. Entities are divided into `parts_` parts by their name, and the journal is read once for each,
/// so that one part's entities fit into memory; when they do not, everything is begun again with twice as many parts.
class shard_replay {
 public:
  shard_replay(const store_view& store, const std::vector<replayed_kind>& kinds, const replay_options& options,
               shard_t shard)
      : store_(store),
        kinds_(kinds),
        options_(options),
        shard_(shard),
        // Whoever is in a journal that has never been shortened is there from the beginning.
        is_complete_(store.log.oldest(shard) == 1) {}

  replay_summary run() {
    for (std::size_t part = 0; part < parts_;) {
      entities_.clear();
      bytes_ = 0;
      partial_ = 0;
      const auto outcome = read(part);
      if (outcome == end::unreadable) break;
      if (outcome == end::too_many) {
        parts_ *= 2;
        part *= 2;  // the parts before it become two each, which were compared already
        continue;
      }
      compare();
      ++part;
    }
    return summary_;
  }

 private:
  enum class end : std::uint8_t { reached, too_many, unreadable };

  [[nodiscard]] bool is_of(std::size_t part, const entity_name& name) const {
    // The highest bits: then twice as many parts divide each one in two.
    const auto spread = static_cast<std::uint32_t>(entity_hash()(name) >> 32);
    return (static_cast<std::uint64_t>(spread) * parts_) >> 32 == part;
  }

  end read(std::size_t part) {
    for (std::uint64_t after = 0;;) {
      const auto records = store_.log.read(shard_, after, records_per_read, bytes_per_read);
      if (!records) {
        // A record that does not decode was found by the walk over the store, too; the rest of the shard cannot be
        // said.
        store_.report({"replay", ports::name_of_record(shard_, after + 1),
                       "the journal of this shard cannot be replayed: " + std::string(records.error().text())});
        return end::unreadable;
      }
      if (records->empty()) return end::reached;
      for (const auto& record : *records) {
        for (std::size_t i = 0; i < record.events.size(); ++i) take(part, record.first_sequence + i, record.events[i]);
        after = record.first_sequence + record.events.size() - 1;
      }
      if (bytes_ > options_.bytes_max && parts_ < parts_max) return end::too_many;
    }
  }

  void take(std::size_t part, std::uint64_t sequence, const domain::encoded_event& event) {
    if (event.kind == domain::aggregate_kind{}) return;  // a marker, no aggregate's
    const auto kind = std::ranges::find(kinds_, event.kind, &replayed_kind::kind);
    if (kind == kinds_.end()) {
      found(sequence, "is of " + ports::name_of(event.kind) + ", which does not live in this store");
      return;
    }
    const entity_name name{event.kind, event.id};
    if (!is_of(part, name)) return;
    auto [at, is_new] = entities_.try_emplace(name);
    if (is_new) {
      bytes_ += entity_bytes;
      begin(at->second, *kind, event);
    }
    if (at->second.entity) feed(at->second, sequence, event);
  }

  void begin(under_way& into, const replayed_kind& kind, const domain::encoded_event& event) {
    if (kind.begins(event.type) || is_complete_)
      into.entity = kind.make(event.id);
    else
      ++partial_;
  }

  void feed(under_way& into, std::uint64_t sequence, const domain::encoded_event& event) {
    std::vector<domain::row_change> views;
    if (auto misfit = into.entity->feed(event.type, event.bytes, views)) {
      found(sequence, "the event of " + ports::name_of(event.kind) + " " + std::to_string(event.id) + ": " + *misfit);
      into.entity.reset();
      into.open.clear();
      return;
    }
    bytes_ += event.bytes.size();
    for (auto& view : views) {
      if (!options_.is_own(view.key.where)) continue;
      if (holds(view.key, view.value)) {
        into.open.erase(view.key);
      } else {
        bytes_ += entity_bytes + (view.value ? view.value->size() : 0);
        into.open.insert_or_assign(std::move(view.key), std::move(view.value));
      }
    }
  }

  [[nodiscard]] std::optional<std::string> bytes_of(const domain::row_key& key) const {
    auto read = store_.rows.get(key, ports::read_tier::disk);
    if (read.what != ports::row_value::status::found) return std::nullopt;
    return std::move(read.bytes);
  }
  [[nodiscard]] bool holds(const domain::row_key& key, const std::optional<std::string>& value) const {
    return bytes_of(key) == value;
  }

  void compare() {
    for (const auto& [name, one] : entities_) {
      if (!one.entity) continue;
      ++summary_.entities;
      for (const auto& row : one.entity->rows()) {
        const auto bytes = bytes_of(row.key);
        if (!bytes) {
          if (!one.entity->may_be_missing(row))
            store_.found("replay", row.key, "is missing, but the events in the journal make it");
        } else if (one.entity->renewed(row.key, *bytes) != *row.value) {
          store_.found("replay", row.key, "is not what the events in the journal make of it");
        }
      }
      for (const auto& [key, value] : one.open)
        store_.found("replay", key,
                     value ? "is not there as the events in the journal say"
                           : "is there, but the events in the journal removed it");
    }
    summary_.partial += partial_;
  }

  /// Once per event, though the journal is read several times.
  void found(std::uint64_t sequence, std::string reason) {
    if (reported_.size() < reported_max && !reported_.insert(sequence).second) return;
    store_.report({"replay", ports::name_of_record(shard_, sequence), std::move(reason)});
  }

  static constexpr std::size_t parts_max = 1 << 16;
  static constexpr std::size_t reported_max = 10'000;

  const store_view& store_;
  const std::vector<replayed_kind>& kinds_;
  const replay_options& options_;
  shard_t shard_;
  bool is_complete_;
  std::size_t parts_ = 1;
  std::size_t bytes_ = 0;
  std::uint64_t partial_ = 0;  ///< of this part
  std::unordered_map<entity_name, under_way, entity_hash> entities_;
  std::unordered_set<std::uint64_t> reported_;
  replay_summary summary_;
};

}  // namespace

replay_summary replay_journal(const store_view& store, const std::vector<replayed_kind>& kinds,
                              const replay_options& options) {
  replay_summary all;
  for (shard_t shard = 0; shard < store.log.shards(); ++shard) {
    const auto one = shard_replay(store, kinds, options, shard).run();
    all.entities += one.entities;
    all.partial += one.partial;
  }
  return all;
}

}  // namespace social::verify
