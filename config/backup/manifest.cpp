#include "config/backup/manifest.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "actors/base/digest_stream.hpp"
#include "actors/base/json_guard.hpp"
#include "actors/base/json_writer.hpp"
#include "config/backup/files.hpp"

namespace social::backup {
namespace {

constexpr std::string_view head = R"({"manifest":)";
constexpr std::string_view middle = R"(,"sha256":")";
constexpr std::string_view tail = "\"}\n";
constexpr std::size_t digest_characters = 64;
constexpr std::uint64_t shards_max = 65'536;

error altered(const std::string& what) {
  return {error_code::store_damaged, "its manifest is damaged: " + what};
}

/// A manifest comes from a disk: a name in it must not lead out of the directories that it is about.
bool is_inside(std::string_view path) {
  constexpr std::array<std::string_view, 3> roots{"api/", "push/", "secrets/"};
  if (std::none_of(roots.begin(), roots.end(), [&](auto root) { return path.starts_with(root); })) return false;
  const std::filesystem::path parts{std::string(path)};
  return parts.lexically_normal().native() == path && parts.has_filename() &&
         std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part == ".." || part == "."; });
}

std::string inner_text(const manifest& from) {
  std::string out;
  json_writer json(out);
  json.begin_object()
      .member("format", format_version)
      .time_member("createdAt", from.time)
      .member("time", from.time)
      .member("version", std::string_view(from.version))
      .key("stores")
      .begin_array();
  for (const auto& store : from.stores)
    json.begin_object()
        .member("name", std::string_view(store.name))
        .member("id", std::string_view(store.id))
        .member("shards", store.shards)
        .end_object();
  json.end_array().key("files").begin_array();
  for (const auto& file : from.files)
    json.begin_object()
        .member("path", std::string_view(file.path))
        .member("bytes", file.bytes)
        .member("sha256", std::string_view(file.sha256))
        .end_object();
  json.end_array().end_object();
  return out;
}

/// The part that the digest is about; an error when they do not agree.
result<std::string_view> checked_inner(std::string_view text) {
  const auto frame = head.size() + middle.size() + digest_characters + tail.size();
  if (text.size() < frame || !text.starts_with(head) || !text.ends_with(tail)) return altered("it is not whole");
  const auto inner = text.substr(head.size(), text.size() - frame);
  const auto rest = text.substr(head.size() + inner.size());
  if (!rest.starts_with(middle)) return altered("it is not whole");
  if (rest.substr(middle.size(), digest_characters) != to_hex(sha256(inner))) return altered("its digest does not fit");
  return inner;
}

result<void> check(const manifest& found) {
  for (const auto& store : found.stores)
    if ((store.name != "api" && store.name != "push") || store.shards == 0 || store.shards > shards_max)
      return altered("it names a store '" + store.name + "' of " + std::to_string(store.shards) + " shards");
  for (const auto& file : found.files)
    if (!is_inside(file.path)) return altered("it names the file '" + file.path + "'");
  if (found.stores.empty()) return altered("it names no store");
  return {};
}

}  // namespace

std::uint64_t manifest::bytes() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.bytes;
  return sum;
}

std::string to_text(const manifest& from) {
  const auto inner = inner_text(from);
  return std::string(head).append(inner).append(middle).append(to_hex(sha256(inner))).append(tail);
}

result<manifest> parse_manifest(std::string_view text) {
  const auto inner = checked_inner(text);
  if (!inner) return inner.error();
  const auto json = parse_json(*inner, {.depth_max = 8, .members_max = manifest_bytes_max});
  if (!json) return altered(std::string(json.error().text()));
  manifest found;
  try {
    if (const auto format = json->at("format").get<std::uint64_t>(); format > format_version)
      return error{error_code::store_mismatch, "it has format " + std::to_string(format) +
                                                   ", this program knows up to " + std::to_string(format_version) +
                                                   ": use the newer version that made it (" +
                                                   json->value("version", "unknown") + ")"};
    found.time = json->at("time").get<std::int64_t>();
    found.version = json->at("version").get<std::string>();
    for (const auto& store : json->at("stores"))
      found.stores.push_back({store.at("name").get<std::string>(), store.at("id").get<std::string>(),
                              store.at("shards").get<std::uint64_t>()});
    for (const auto& file : json->at("files"))
      found.files.push_back({file.at("path").get<std::string>(), file.at("bytes").get<std::uint64_t>(),
                             file.at("sha256").get<std::string>()});
  } catch (const nlohmann::json::exception& thrown) {
    return altered(thrown.what());
  }
  if (auto checked = check(found); !checked) return checked.error();
  return found;
}

result<manifest> read_manifest(const std::filesystem::path& directory) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored))
    return error{error_code::invalid_input,
                 "there is no directory " + directory.string() + "; name the directory of a backup"};
  const auto file = directory / manifest_name;
  if (!std::filesystem::exists(file, ignored))
    return error{error_code::store_damaged, directory.string() + " is no whole backup: it has no " +
                                                std::string(manifest_name) + "; name the directory of another backup"};
  const auto text = read_whole(file, manifest_bytes_max);
  if (!text) return text.error();
  auto found = parse_manifest(*text);
  if (!found)
    return error{found.error().code, "the backup in " + directory.string() + " cannot be used: " +
                                         std::string(found.error().text()) + "; use another backup"};
  return found;
}

}  // namespace social::backup
