#include "actors/push/answers.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <chrono>

namespace social::push {
namespace {

constexpr std::int64_t last_try_before_expiry_ms = 1000;

bool is_one_of(int status, std::initializer_list<int> list) {
  return std::ranges::find(list, status) != list.end();
}

/// A number that takes the whole text.
std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<unsigned> month_number(std::string_view name) {
  static constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<unsigned>(found - names.begin()) + 1;
}

/// Words between spaces and dashes; at most eight.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (words.size() < 8) {
    const auto first = text.find_first_not_of(" -,");
    if (first == std::string_view::npos) break;
    const auto end = std::min(text.find_first_of(" -,", first), text.size());
    words.push_back(text.substr(first, end - first));
    text.remove_prefix(end);
  }
  return words;
}

struct date_words {
  std::string_view day;
  std::string_view month;
  std::string_view year;
  std::string_view time;
};

/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
std::optional<date_words> words_of_date(std::string_view text) {
  const auto words = words_of(text);
  if (words.size() == 6 && words[5] == "GMT") return date_words{words[1], words[2], words[3], words[4]};
  if (words.size() == 5) return date_words{words[2], words[1], words[4], words[3]};
  return std::nullopt;
}

std::optional<timestamp_t> parse_http_date(std::string_view text) {
  const auto words = words_of_date(text);
  if (!words || words->time.size() != 8 || words->time[2] != ':' || words->time[5] != ':') return std::nullopt;
  const auto day = whole_number(words->day);
  const auto month = month_number(words->month);
  auto year = whole_number(words->year);
  const auto hour = whole_number(words->time.substr(0, 2));
  const auto minute = whole_number(words->time.substr(3, 2));
  const auto second = whole_number(words->time.substr(6, 2));
  if (!day || !month || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (words->year.size() == 2) *year += *year < 70 ? 2000 : 1900;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((std::int64_t{days} * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000LL;
}

judgement judge_failure(const ports::push_answer& answer) {
  const std::string word = answer.failure.empty() ? "no-answer" : answer.failure;
  if (answer.failure == "address_forbidden") return {verdict::undeliverable, 0, word};
  if (answer.failure == "shutdown") return {verdict::interrupted, 0, word};
  return {verdict::failed, 0, word};
}

}  // namespace

judgement judge(const ports::push_answer& answer, timestamp_t now, std::int64_t wait_ms_max) {
  if (answer.status == 0) return judge_failure(answer);
  const int status = answer.status;
  const std::string word = std::to_string(status);
  if (status >= 200 && status < 300) return {verdict::accepted, 0, word};
  if (is_one_of(status, {404, 410})) return {verdict::gone, 0, word};
  if (is_one_of(status, {400, 401, 403})) return {verdict::refused, 0, word};
  if (status == 413) return {verdict::too_large, 0, word};
  if (is_one_of(status, {408, 429, 503})) {
    // A date that has passed says "now": that is no time to wait, so we choose one.
    if (const auto wait = parse_retry_after(answer.retry_after, now); wait && *wait > 0)
      return {verdict::wait, std::min(*wait, wait_ms_max), word};
    return {status == 503 ? verdict::failed : verdict::slow_down, 0, word};
  }
  if (status >= 500) return {verdict::failed, 0, word};
  return {verdict::rejected, 0, word};
}

std::optional<std::int64_t> parse_retry_after(std::string_view text, timestamp_t now) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    // More digits than an int holds are a long time in any case.
    return whole_number(text).value_or(std::numeric_limits<int>::max()) * 1000LL;
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::max<std::int64_t>(*date - now, 0);
}

std::int64_t jittered_ms(std::uint32_t failures, std::int64_t first_ms, std::int64_t max_ms, std::uint64_t random) {
  assert(failures > 0 && first_ms > 0 && max_ms >= first_ms);
  auto limit = first_ms;
  for (std::uint32_t i = 1; i < failures && limit < max_ms; ++i) limit *= 2;
  limit = std::min(limit, max_ms);
  return static_cast<std::int64_t>(random % static_cast<std::uint64_t>(limit + 1));
}

std::optional<timestamp_t> next_attempt(std::uint32_t attempts, timestamp_t now, timestamp_t expires,
                                        std::int64_t first_ms, std::int64_t max_ms, std::uint64_t random) {
  const auto last_try = expires - last_try_before_expiry_ms;
  if (last_try <= now) return std::nullopt;
  return std::min(now + jittered_ms(attempts, first_ms, max_ms, random), last_try);
}

delivery_result result_of(verdict what) noexcept {
  switch (what) {
    case verdict::accepted:
      return delivery_result::accepted;
    case verdict::gone:
      return delivery_result::gone;
    case verdict::refused:
      return delivery_result::refused;
    case verdict::too_large:
      return delivery_result::too_large;
    case verdict::undeliverable:
      return delivery_result::undeliverable;
    default:
      return delivery_result::rejected;
  }
}

std::string_view origin_class(std::string_view origin, bool allowed) noexcept {
  if (allowed) return "allowed";
  if (origin == "https://fcm.googleapis.com" || origin == "https://jmt17.google.com") return "fcm";
  if (origin.ends_with(".push.services.mozilla.com")) return "mozilla";
  if (origin == "https://web.push.apple.com" || origin.ends_with(".push.apple.com")) return "apple";
  if (origin.ends_with(".notify.windows.com")) return "windows";
  return "other";
}

}  // namespace social::push
