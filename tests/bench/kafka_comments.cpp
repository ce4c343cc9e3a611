// Puts comment-created events into their topic, as an api would have: what a push service that was away finds.
//
//   bench_kafka_comments --brokers HOST:PORT --count N --owners ID,ID,... [--per-second N]
//
// The events are of the owners' posts, in turn. Returns when all are acknowledged. With --per-second it says
// {"ready":...} when it has them, sends them over and over at that rate, and ends when its input does.
#include <charconv>
#include <poll.h>

#include "actors/domain/comment/comment.hpp"
#include "actors/kafka/api/publication.hpp"
#include "tests/bench/kafka_bare.hpp"

namespace {

using namespace social;

timestamp_t now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<social::id_t> ids_of(std::string_view text) {
  std::vector<social::id_t> out;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(','));
    out.push_back(parse_id(word));
    if (out.back() == 0) bench::fail("--owners takes ids");
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

domain::encoded_event commented(std::uint64_t number, social::id_t owner) {
  domain::comment::state said;
  said.seq = number;
  said.post = owner;
  said.owner = owner;
  said.writer = {owner + 1, "Harry", "harry@example.org", {}};
  said.contents = "Comment " + std::to_string(number) + ", some sixty bytes, as people write them.";
  said.created_at = now();
  const domain::person writer{owner, "Sally", "sally@example.org", {}};
  return domain::encode_event<domain::comment_aggregate>(
      number, domain::comment::comment_created{std::move(said), writer, domain::comment::account_history{1, {}, 1}});
}

constexpr auto trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

bool input_has_ended() {
  pollfd input{0, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto given =
      bench::arguments(argc, argv, {{"--brokers", ""}, {"--count", ""}, {"--owners", ""}, {"--per-second", "0"}});
  const auto owners = ids_of(given.at("--owners"));
  const auto count = std::stoull(given.at("--count"));
  // A source of its own at each run: what is sent are no duplicates.
  const auto project = kafka::publish_domain_events("/bench/" + std::to_string(now()), {});
  kafka::publications made;
  for (std::uint64_t number = 1; number <= count; ++number) {
    ports::journal_record record{0, number, now(), trace, {commented(number, owners[number % owners.size()])}};
    if (!project(record, made)) bench::fail("an event cannot be published");
  }
  std::vector<kafka::record> records;
  records.reserve(made.size());
  for (auto& publication : made) records.push_back(std::move(publication.what));
  bench::wait_for_topics(given.at("--brokers"));
  bench::bare_producer producer(given.at("--brokers"));
  const auto per_second = std::stoull(given.at("--per-second"));
  if (per_second == 0) {
    producer.send(records);
    return 0;
  }
  std::printf("{\"ready\":{\"records\":%zu}}\n", records.size());
  std::fflush(stdout);
  producer.keep_sending(records, per_second, input_has_ended);
}
