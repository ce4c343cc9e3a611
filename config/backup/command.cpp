#include "config/backup/command.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "actors/base/json_guard.hpp"
#include "actors/base/json_writer.hpp"
#include "config/admin_client.hpp"
#include "config/backup/make.hpp"
#include "config/data_directory.hpp"
#include "config/secret_file.hpp"

namespace social::backup {
namespace {

namespace fs = std::filesystem;

/// Copying takes as long as it takes; a server that is gone closes the connection at once.
constexpr std::chrono::seconds backup_timeout = std::chrono::hours(24);
constexpr std::size_t run_file_bytes_max = 4096;
constexpr json_limits answer_limits{.depth_max = 16, .members_max = 10'000'000};

/// One running process that serves stores of the data directory.
struct peer {
  std::string url;
  std::set<std::string> stores;
};

/// Admin listeners that the files in `run/` name; those of crashed processes are among them.
std::set<std::string> announced(const fs::path& data) {
  std::set<std::string> urls;
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(data / "run", ignored)) {
    if (each.path().extension() != ".json") continue;
    const auto text = read_whole(each.path(), run_file_bytes_max);
    if (!text) continue;  // it has just been removed
    const auto line = parse_json(*text);
    if (!line || !line->is_object()) continue;
    const auto ready = line->value("ready", nlohmann::json::object());
    if (ready.is_object() && ready.contains("admin") && ready["admin"].is_string())
      urls.insert(ready["admin"].get<std::string>());
  }
  return urls;
}

/// What a refusal says: the sentence and the fields of the answer's `error`.
std::string reason_of(const config::admin_answer& answer) {
  const auto json = parse_json(answer.body, answer_limits);
  if (!json || !json->is_object()) return "status " + std::to_string(answer.status);
  const auto why = json->value("error", nlohmann::json::object());
  if (!why.is_object()) return "status " + std::to_string(answer.status);
  std::string text = why.value("message", "status " + std::to_string(answer.status));
  for (const auto& field : why.value("fields", nlohmann::json::array()))
    if (field.is_object()) text = field.value("reason", text);
  return text;
}

/// The stores that the process there has open. Errors: unavailable (nobody listens), those of asking.
result<peer> look_at(const std::string& url, const std::string& token) {
  const auto answer = config::ask_admin({.url = url, .token = token, .path = "/admin/shards"});
  if (!answer) return answer.error();
  if (answer->status != 200)
    return error{error_code::unauthorized,
                 "the process at " + url + " refuses the token of this data directory (" + reason_of(*answer) +
                     "): it serves another one; remove what a crash left in run/, or give the "
                     "right directory with --data"};
  peer found{url, {}};
  const auto json = parse_json(answer->body, answer_limits);
  if (json && json->is_object())
    for (const auto& row : json->value("response", nlohmann::json::array()))
      if (row.is_object()) found.stores.insert(row.value("store", ""));
  return found;
}

error nobody(const fs::path& data) {
  return {error_code::unavailable, "no server is running on the data directory " + data.string() +
                                       ": start it, or, while it is stopped, copy the whole directory"};
}

/// The process with the push store first. Errors: unavailable (none runs, or not all that have a store here).
result<std::vector<peer>> peers_of(const fs::path& data, const std::string& token) {
  std::vector<peer> all;
  std::set<std::string> served;
  error refusal = nobody(data);  // a port that a crash left in run/ may be somebody else's by now
  for (const auto& url : announced(data)) {
    auto found = look_at(url, token);
    if (!found) {
      if (found.error().code != error_code::unavailable) refusal = found.error();
      continue;
    }
    const auto known = served.size();
    served.insert(found->stores.begin(), found->stores.end());
    if (served.size() > known) all.push_back(std::move(*found));
  }
  if (all.empty()) return refusal;
  std::error_code ignored;
  for (const auto* store : {"api", "push"})
    if (!served.contains(store) && fs::exists(data / store / "CURRENT", ignored))
      return error{error_code::unavailable, "no running process serves the store " + (data / store).string() +
                                                ", so a backup would lack it: start its executable, too, or move the "
                                                "directory away when it is not used any more"};
  std::stable_partition(all.begin(), all.end(), [](const peer& each) { return each.stores.contains("push"); });
  return all;
}

result<void> ask_for_backup(const peer& of, const std::string& token, const fs::path& directory) {
  std::string body;
  json_writer(body).begin_object().member("dir", std::string_view(directory.native())).end_object();
  const auto answer = config::ask_admin({.url = of.url,
                                         .token = token,
                                         .method = "POST",
                                         .path = "/admin/backup",
                                         .body = std::move(body),
                                         .timeout = backup_timeout});
  if (!answer) return answer.error();
  if (answer->status == 200) return {};
  return error{answer->status == 400 ? error_code::invalid_input : error_code::unavailable, reason_of(*answer)};
}

/// Each process makes its part beside `directory`; they are put together there.
result<void> backup_of_several(const std::vector<peer>& peers, const std::string& token, const fs::path& directory) {
  std::vector<std::unique_ptr<scratch>> parts;
  std::vector<fs::path> names;
  for (const auto& each : peers) {
    const auto name = "." + directory.filename().string() + ".part-" + std::to_string(::getpid()) + "-" +
                      std::to_string(names.size());
    names.push_back(directory.parent_path() / name);
    if (auto made = ask_for_backup(each, token, names.back()); !made) return made;
    parts.push_back(std::make_unique<scratch>(names.back()));
  }
  const auto merged = merge_backups(names, directory);
  if (!merged) return merged.error();
  return {};
}

result<manifest> make(const config::invocation& invocation) {
  std::error_code failure;
  const auto data = fs::absolute(invocation.settings.data, failure).lexically_normal();
  if (failure || !fs::is_directory(data, failure))
    return error{error_code::io_error,
                 "there is no data directory " + data.string() + "; give that of the running server with --data"};
  const auto directory = check_target(fs::absolute(invocation.directory, failure), data);
  if (!directory) return directory.error();
  auto token = config::read_secret(data / "secrets" / "admin.token", config::admin_token_characters_min);
  if (!token) return token.error();
  while (token->ends_with('\n') || token->ends_with('\r')) token->pop_back();
  const auto peers = peers_of(data, *token);
  if (!peers) return peers.error();
  if (auto made = peers->size() == 1 ? ask_for_backup(peers->front(), *token, *directory)
                                     : backup_of_several(*peers, *token, *directory);
      !made)
    return made.error();
  return read_manifest(*directory);
}

}  // namespace

std::string line_of(std::string_view what, const fs::path& directory, const manifest& from) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .key(what)
      .begin_object()
      .member("dir", std::string_view(directory.native()))
      .time_member("createdAt", from.time)
      .key("stores")
      .begin_array();
  for (const auto& store : from.stores) json.value(std::string_view(store.name));
  json.end_array()
      .member("files", static_cast<std::uint64_t>(from.files.size()))
      .member("bytes", from.bytes())
      .end_object()
      .end_object();
  return out.append("\n");
}

config::exit_code run_backup(const config::invocation& invocation) {
  const auto made = make(invocation);
  if (!made) return config::fail(made.error());
  config::print_line(line_of("backup", invocation.directory, *made));
  return config::exit_code::done;
}

}  // namespace social::backup
