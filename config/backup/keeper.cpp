#include "config/backup/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <sys/resource.h>

#include "actors/base/json_writer.hpp"
#include "actors/base/log.hpp"

namespace social::backup {
namespace {

using steady = std::chrono::steady_clock;

std::int64_t ms_since(steady::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begun).count();
}

std::string describe(const std::string& directory, const manifest& made, std::int64_t took_ms) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("dir", std::string_view(directory))
      .time_member("createdAt", made.time)
      .key("stores")
      .begin_array();
  for (const auto& store : made.stores) json.value(std::string_view(store.name));
  json.end_array()
      .member("files", static_cast<std::uint64_t>(made.files.size()))
      .member("bytes", made.bytes())
      .member("tookMillis", took_ms)
      .end_object();
  return out;
}

answer refusal_of(const error& why) {
  if (why.code == error_code::invalid_input) return {verdict::refused, std::string(why.text())};
  if (why.code == error_code::shutting_down)
    return {verdict::stopping, "the process is stopping; nothing is left of the backup, make it again afterwards"};
  return {verdict::failed, "the backup could not be made, and nothing is left of it: " + std::string(why.text())};
}

}  // namespace

keeper::keeper(places from) : from_(std::move(from)) {}

keeper::~keeper() {
  stop();
}

void keeper::add(source store) {
  const auto at = store.store.name == "push" ? stores_.begin() : stores_.end();
  stores_.insert(at, std::move(store));
}

void keeper::start(std::string directory, std::function<void(answer)> done) {
  const std::lock_guard lock(starting_);
  if (stopping_) return done({verdict::stopping, "the process is stopping; make the backup afterwards"});
  {
    const std::lock_guard state(mutex_);
    if (statistics_.running) return done({verdict::busy, "a backup is being made; wait for its end, then ask again"});
    statistics_.running = true;
  }
  if (thread_.joinable()) thread_.join();  // it has answered
  thread_ = std::thread([this, directory = std::move(directory), done = std::move(done)] { run(directory, done); });
}

void keeper::stop() {
  stopping_ = true;
  const std::lock_guard lock(starting_);
  if (thread_.joinable()) thread_.join();
}

void keeper::run(const std::string& directory, const std::function<void(answer)>& done) {
  // Requests of people come first. On Linux this is about the calling thread alone.
  ::setpriority(PRIO_PROCESS, 0, 10);
  const auto outcome = make(directory);
  done(outcome);
}

answer keeper::make(const std::string& directory) {
  const auto begun = steady::now();
  log::info("backup", "a backup begins", {{"directory", directory}});
  result<manifest> made = error_code::internal;
  try {
    made = make_backup(stores_, from_, directory, [this] { return !stopping_.load(); });
  } catch (const std::exception& thrown) {
    made = error(error_code::internal, thrown.what());
  }
  const auto took_ms = ms_since(begun);
  note(made, took_ms);
  if (made) {
    log::info("backup", "a backup was made",
              {{"directory", directory},
               {"files", static_cast<std::uint64_t>(made->files.size())},
               {"bytes", made->bytes()},
               {"took_ms", took_ms}});
    return {verdict::made, describe(directory, *made, took_ms)};
  }
  log::error("backup", "a backup could not be made",
             {{"directory", directory}, {"reason", made.error().text()}, {"took_ms", took_ms}});
  return refusal_of(made.error());
}

void keeper::note(const result<manifest>& outcome, std::int64_t took_ms) {
  const std::lock_guard lock(mutex_);
  statistics_.running = false;
  if (!outcome) {
    ++statistics_.failed;
    return;
  }
  ++statistics_.made;
  statistics_.last_took_ms = took_ms;
  statistics_.last_bytes = outcome->bytes();
  statistics_.last_success_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
}

backup::statistics keeper::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace social::backup
