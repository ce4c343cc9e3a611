// Says when comments become visible to a consumer.
//
//   bench_kafka_tail --brokers HOST:PORT
//
// One line {"ready":{}} when it reads the topic's end, then a line for each record of comment-created: the comment's
// id and when it was handed over, in nanoseconds since the epoch. Ends when standard input does.
#include <iostream>

#include <nlohmann/json.hpp>

#include "actors/kafka/log_reader.hpp"
#include "tests/bench/kafka_bare.hpp"

namespace {

using namespace social;

result<void> print(const std::vector<kafka::received>& records) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto at = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  for (const auto& record : records) {
    const auto value = nlohmann::json::parse(record.content.value.value_or(""));
    std::cout << value.at("commentId").get<social::id_t>() << ' ' << at << '\n';
  }
  std::cout << std::flush;
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = bench::arguments(argc, argv, {{"--brokers", ""}});
  bench::wait_for_topics(given.at("--brokers"));
  kafka::log_reader_options options;
  options.name = "bench";
  options.topics = {std::string(kafka::topic::comment_created)};
  kafka::log_reader reader({.brokers = given.at("--brokers"), .client_id = "bench", .options = {}}, options, print,
                           std::make_shared<kafka::client_health>());
  bench::wait_for([&] { return reader.stands(); }, "the topic cannot be read");
  std::cout << R"({"ready":{}})" << std::endl;
  for (std::string line; std::getline(std::cin, line);) continue;
  reader.stop();
}
