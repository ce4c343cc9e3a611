#include "actors/kafka/push/responder_address.hpp"
#include "actors/kafka/topics.hpp"
#include "tests/support/catch.hpp"

namespace social::kafka {
namespace {

using bytes = std::string;
const bytes correlation("\x00\xff\x10 raw", 7);

record with(std::vector<header> headers) {
  record r;
  r.headers = std::move(headers);
  return r;
}

std::int32_t partition_of(bytes value) {
  return read_reply_address(with({{"kafka_replyPartition", std::move(value)}})).partition;
}

}  // namespace

TEST_CASE("a reply goes where the request's headers say", "[kafka][responder]") {
  const auto to = read_reply_address(with({{"kafka_replyTopic", "answers"},
                                           {"kafka_replyPartition", bytes("\x00\x00\x01\x02", 4)},
                                           {"kafka_correlationId", correlation}}));
  CHECK(to.topic == "answers");
  CHECK(to.partition == 258);
  CHECK(to.correlation == correlation);
}

TEST_CASE("a request without headers wants no reply", "[kafka][responder]") {
  const auto to = read_reply_address({});
  CHECK(to.topic.empty());
  CHECK(to.partition == -1);
  CHECK_FALSE(to.correlation);
}

TEST_CASE("of duplicate headers the last counts, also when it has no value", "[kafka][responder]") {
  const auto to = read_reply_address(with({{"kafka_replyTopic", "first"},
                                           {"kafka_correlationId", "first"},
                                           {"kafka_replyPartition", bytes("\0\0\0\x01", 4)},
                                           {"kafka_replyTopic", "last"},
                                           {"kafka_correlationId", "last"},
                                           {"kafka_replyPartition", std::nullopt}}));
  CHECK(to.topic == "last");
  CHECK(to.correlation == "last");
  CHECK(to.partition == -1);
}

TEST_CASE("a reply partition that is no number of a partition is none", "[kafka][responder]") {
  CHECK(partition_of(bytes("\0\0\0\0", 4)) == 0);
  CHECK(partition_of(bytes("\x7f\xff\xff\xff", 4)) == 2147483647);
  CHECK(partition_of(bytes("\x80\0\0\0", 4)) == -1);
  CHECK(partition_of(bytes("\xff\xff\xff\xff", 4)) == -1);
  CHECK(partition_of("") == -1);
  CHECK(partition_of("1") == -1);
  CHECK(partition_of(bytes("\0\0\0\0\0", 5)) == -1);
  CHECK(partition_of(bytes("\0\0\0\0\0\0\0\x01", 8)) == -1);
}

TEST_CASE("replies go to topics where they harm nobody", "[kafka][responder]") {
  for (const auto* name : {"v1.event.subscription.response", "v1.event.subscription.response.node-7",
                           "v1.push.response", "v1.push.response-2", "their_own.replies", "a", "v2.event.x",
                           "v1.event.replies-of-theirs", "v1.event.subscription.request.replies", "v1.event.x"}) {
    CAPTURE(name);
    CHECK(may_reply_to(name));
  }
  CHECK(may_reply_to(std::string(249, 'a')));
}

TEST_CASE("replies go to no topic of events, requests, tables, dead letters, or Kafka's own", "[kafka][responder]") {
  for (const auto& plan : topics_of_the_contract(1, 1)) {
    CAPTURE(plan.name);
    const bool is_for_replies = plan.name == topic::subscription_response || plan.name == topic::push_response;
    CHECK(may_reply_to(plan.name) == is_for_replies);
  }
  for (const auto* name : {"v1.event.user-updated", "v1.event.subscription.request", "v1.push.request", "their-dlt",
                           "v1.push.subscription", "__consumer_offsets", "", ".", "..", "a b", "a/b", "a\nb", "한글"}) {
    CAPTURE(name);
    CHECK_FALSE(may_reply_to(name));
  }
  CHECK_FALSE(may_reply_to(std::string(250, 'a')));
  CHECK_FALSE(may_reply_to(std::string_view("a\0b", 3)));
}

TEST_CASE("a trace is carried on when it is one", "[kafka][responder]") {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  CHECK(read_trace(with({{"traceparent", good}})) == good);
  CHECK(read_trace({}).empty());
  CHECK(read_trace(with({{"traceparent", std::nullopt}})).empty());
  CHECK(read_trace(with({{"traceparent", good + "0"}})).empty());
  CHECK(read_trace(with({{"traceparent", "01" + good.substr(2)}})).empty());
  CHECK(read_trace(with({{"traceparent", good.substr(0, 54) + "\n"}})).empty());
}

}  // namespace social::kafka
