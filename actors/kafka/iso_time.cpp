#include "actors/kafka/iso_time.hpp"

#include <chrono>

namespace social::kafka {
namespace {

/// Takes a text apart from its front.
class reader {
 public:
  explicit reader(std::string_view text) : rest_(text) {}

  /// Exactly `digits` digits; -1 when there are fewer.
  int number(std::size_t digits) noexcept {
    if (rest_.size() < digits) return refuse();
    int value = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return refuse();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  /// One of these characters; 0 when it is none of them.
  char one_of(std::string_view characters) noexcept {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) {
      refuse();
      return 0;
    }
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  /// `.` and digits, or nothing.
  int milliseconds() noexcept {
    if (!rest_.starts_with('.')) return 0;
    rest_.remove_prefix(1);
    int value = 0;
    std::size_t digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      if (digits < 3) value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (digits == 0) return refuse();
    for (; digits < 3; ++digits) value *= 10;
    return value;
  }
  /// This is no time, whatever follows.
  int refuse() noexcept {
    good_ = false;
    return -1;
  }
  [[nodiscard]] bool ended_well() const noexcept { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

/// Minutes east of Greenwich; `sign` is that of the offset, or Z.
int offset_minutes(reader& text, char sign) noexcept {
  if (sign != '+' && sign != '-') return 0;
  const int hours = text.number(2);
  text.one_of(":");
  const int minutes = text.number(2);
  if (hours > 23 || minutes > 59) text.refuse();
  return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

std::optional<timestamp_t> parse_time(std::string_view text) noexcept {
  namespace calendar = std::chrono;
  reader from(text);
  const int year = from.number(4);
  from.one_of("-");
  const int month = from.number(2);
  from.one_of("-");
  const int day = from.number(2);
  from.one_of("Tt");
  const int hour = from.number(2);
  from.one_of(":");
  const int minute = from.number(2);
  from.one_of(":");
  const int second = from.number(2);
  const int millisecond = from.milliseconds();
  const int offset = offset_minutes(from, from.one_of("Zz+-"));
  if (!from.ended_well() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const calendar::year_month_day date{calendar::year(year), calendar::month(static_cast<unsigned>(month)),
                                      calendar::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::int64_t{calendar::sys_days(date).time_since_epoch().count()};
  const auto minutes = (days * 24 + hour) * 60 + minute - offset;
  const auto time = (minutes * 60 + second) * 1000 + millisecond;
  return time < 0 ? std::nullopt : std::optional(time);
}

}  // namespace social::kafka
