#include "config/compose/common/verify_stores.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "actors/base/log.hpp"
#include "storage/stopped_store.hpp"

namespace social::compose {
namespace {

constexpr std::size_t block_cache_bytes = std::size_t{64} << 20;
constexpr std::uint64_t findings_named_max = 100;

/// What was found in one store, on stdout: the first of each kind, and how many there were.
class findings {
 public:
  explicit findings(std::string store) : store_(std::move(store)) {}

  void add(const ports::finding& one) {
    if (++by_kind_[one.kind] > findings_named_max) return;
    say("finding (" + one.kind + "): " + one.key + ": " + one.reason);
  }
  void summarise() const {
    for (const auto& [kind, count] : by_kind_)
      if (count > findings_named_max)
        say("finding (" + kind + "): " + std::to_string(count - findings_named_max) + " more are not named");
  }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const auto& [kind, count] : by_kind_) all += count;
    return all;
  }
  void say(const std::string& text) const { config::print_line(store_ + ": " + text + "\n"); }

 private:
  std::string store_;
  std::map<std::string, std::uint64_t> by_kind_;
};

result<std::unique_ptr<storage::stopped_store>> open(const std::string& name, const std::filesystem::path& path) {
  storage::storage_options options;
  options.path = path;
  options.block_cache_bytes = block_cache_bytes;
  options.log = [name](storage::log_level level, std::string_view message) {
    if (level != storage::log_level::info) log::warning("storage", message, {{"store", name}});
  };
  return storage::stopped_store::open(options);
}

/// Looks through one store; the number of findings.
std::uint64_t look_through(const std::string& name, const storage::stopped_store& store,
                           const std::function<std::string(const verify::store_view&)>& rules) {
  findings found(name);
  const ports::finding_sink sink = [&found](const ports::finding& one) { found.add(one); };
  const auto walked = store.walk(sink);
  const verify::store_view view{
      store.rows(), store.log(),
      [&store](domain::aggregate_kind kind, shard_t shard) { return store.ids_below(kind, shard); }, sink};
  const auto seen = rules(view);
  found.summarise();
  found.say(std::to_string(walked.rows) + " rows, " + std::to_string(walked.events) + " events in " +
            std::to_string(store.log().shards()) + " shards, " + seen + ", " + std::to_string(found.count()) +
            " findings");
  return found.count();
}

}  // namespace

config::exit_code verify_stores(const config::settings& settings, const verifiers& with) {
  const std::filesystem::path data(settings.data);
  std::unique_ptr<storage::stopped_store> api;
  std::unique_ptr<storage::stopped_store> push;
  for (const auto& [name, wanted, into] : {std::tuple("api", static_cast<bool>(with.api), &api),
                                           std::tuple("push", static_cast<bool>(with.push), &push)}) {
    if (!wanted || !storage::stopped_store::is_at(data / name)) continue;
    auto opened = open(name, data / name);
    if (!opened) return config::fail(opened.error());
    *into = std::move(*opened);
  }
  if (!api && !push)
    return config::fail({error_code::io_error, "there is no store below " + data.string() +
                                                   " that could be verified: name the data directory with --data"});
  std::uint64_t found = 0;
  if (api) found += look_through("api", *api, with.api);
  const auto* api_log = api ? &api->log() : nullptr;
  if (push)
    found += look_through("push", *push, [&](const verify::store_view& view) { return with.push(view, api_log); });
  if (found == 0) return config::exit_code::done;
  return config::fail({error_code::store_damaged,
                       "the data below " + data.string() + " is damaged, see the " + std::to_string(found) +
                           " findings on stdout: keep a copy, and restore a backup into an empty data directory"});
}

}  // namespace social::compose
