#include "config/invocation.hpp"
#include "tests/unit/config/fixture.hpp"

namespace social::config {
namespace {

using std::chrono::milliseconds;
using test::contains;
using test::shown;
using test::start;

constexpr auto file_text = "[http]\nport = 1001\n";

TEST_CASE("each source wins over those below it") {
  struct row {
    bool argument, variable, file;
    std::uint16_t port;
    std::string_view line;
  };
  const auto table = {
      row{false, false, false, 8080, "http.port = 8080  # default\n"},
      row{false, false, true, 1001, "http.port = 1001  # file s.toml\n"},
      row{false, true, false, 1002, "http.port = 1002  # environment SOCIAL_HTTP_PORT\n"},
      row{false, true, true, 1002, "http.port = 1002  # environment SOCIAL_HTTP_PORT\n"},
      row{true, false, false, 1003, "http.port = 1003  # command line\n"},
      row{true, false, true, 1003, "http.port = 1003  # command line\n"},
      row{true, true, false, 1003, "http.port = 1003  # command line\n"},
      row{true, true, true, 1003, "http.port = 1003  # command line\n"},
  };
  for (const auto& row : table) {
    start with;
    if (row.argument) with.words = {"--http.port", "1003"};
    if (row.variable) with.environment = {"SOCIAL_HTTP_PORT=1002", "PATH=/bin"};
    if (row.file) {
      with.words.insert(with.words.end(), {"--config", "s.toml"});
      with.files = {{"s.toml", file_text}};
    }
    const auto parsed = with.parse();
    REQUIRE(parsed);
    CHECK(parsed->settings.http.port == row.port);
    CHECK(shown(*parsed, "http.port") == row.line);
  }
}

TEST_CASE("a list of a higher source replaces the whole list of a lower one") {
  start with{.words = {"--config=s.toml", "--push.allow-origin=https://a", "--push.allow-origin=https://b"},
             .environment = {"SOCIAL_PUSH_CA_FILE=x.pem,y.pem"},
             .files = {{"s.toml", "[push]\nallow-origin = ['https://c']\nca-file = 'z.pem'\n"}}};
  const auto all = with.accepted();
  CHECK(all.push.allow_origins == std::vector<std::string>{"https://a", "https://b"});
  CHECK(all.push.ca_files == std::vector<std::filesystem::path>{"x.pem", "y.pem"});
}

TEST_CASE("a source is checked even where another one wins") {
  CHECK(contains(start{.words = {"--http.port", "1"}, .environment = {"SOCIAL_HTTP_PORT=x"}}.refused(),
                 "http.port (environment SOCIAL_HTTP_PORT) is 'x', give a whole number from 0 to 65535"));
}

TEST_CASE("a refused value names option, source and bounds") {
  CHECK(start{.words = {"--http.port", "70000"}}.refused() ==
        "http.port (command line) is '70000', give a whole number from 0 to 65535");
  CHECK(start{.words = {"--shards=0"}}.refused() == "shards (command line) is '0', give a whole number from 1 to 4096");
  CHECK(start{.environment = {"SOCIAL_AUTH_ARGON2_MEMORY=1MiB"}}.refused() ==
        "auth.argon2-memory (environment SOCIAL_AUTH_ARGON2_MEMORY) is '1MiB', give a size (64KiB 19MiB) from 8MiB to "
        "1GiB");
  CHECK(start{.words = {"--config=s.toml"}, .files = {{"s.toml", "[push]\njoin-interval = '25h'"}}}.refused() ==
        "push.join-interval (file s.toml) is '25h', give a duration (250ms 5s 2m 48h) from 0s to 24h");
  CHECK(start{.words = {"--http.port", "1", "--http.port", "2"}}.refused() ==
        "http.port (command line) is given more than once, give it once");
  CHECK(contains(start{.words = {"--http.port", "-1"}}.refused(), "'-1'"));
}

TEST_CASE("unknown options are refused with the nearest name") {
  CHECK(contains(start{.words = {"--http.prot", "1"}}.refused(), "no option --http.prot; did you mean --http.port?"));
  CHECK(contains(start{.words = {"--kafka.broker=a"}}.refused(), "did you mean --kafka.brokers?"));
  CHECK(contains(start{.words = {"--http.tls-cert=a"}}.refused(), "no option --http.tls-cert"));
  CHECK(contains(start{.words = {"-x"}}.refused(), "'-x'"));
  CHECK(contains(start{.words = {"frobnicate"}}.refused(), "'frobnicate' is no subcommand"));
  CHECK(contains(start{.words = {"--http.port", "1", "2"}}.refused(), "'2'"));
  CHECK(contains(start{.environment = {"SOCIAL_HTTP_PROT=1"}}.refused(), "SOCIAL_HTTP_PROT belongs to no option"));
}

TEST_CASE("an option without its value is refused, an empty value is a value") {
  CHECK(contains(start{.words = {"--http.port"}}.refused(), "--http.port"));
  CHECK(contains(start{.words = {"--data", "--http.port", "1"}}.refused(), "--data is given without a value"));
  CHECK(contains(start{.words = {"--http.port=", "8080"}}.refused(), "'8080'"));
  CHECK(start{.words = {"--push.subject=", "--shards", "2"}}.accepted().shards == 2);
  CHECK(start{.words = {"--push.subject", ""}}.accepted().push.subject.empty());
  CHECK(contains(start{.words = {"--data="}}.refused(), "data (command line) is '', give a path"));
  CHECK(contains(start{.environment = {"SOCIAL_HTTP_PORT="}}.refused(), "''"));
}

TEST_CASE("flags stand alone or with a value") {
  const auto off = [](std::vector<std::string> words) { return start{.words = std::move(words)}.accepted().push.off; };
  CHECK_FALSE(off({}));
  CHECK(off({"--push.off"}));
  CHECK(off({"--push.off", "serve"}));
  CHECK(off({"--push.off", "--shards", "2"}));
  CHECK(off({"--push.off", "true"}));
  CHECK(off({"--push.off=on"}));
  CHECK_FALSE(off({"--push.off", "false"}));
  CHECK_FALSE(off({"--push.off=off"}));
  CHECK(contains(start{.words = {"--push.off", "maybe"}}.refused(), "give true, false, on or off"));
  CHECK(start{.environment = {"SOCIAL_PUSH_OFF=on"}}.accepted().push.off);
}

TEST_CASE("switching rates off switches off each of them") {
  const auto all = start{.words = {"--limits.rates", "off", "--limits.rate-user", "5"}}.accepted();
  CHECK_FALSE(all.limits.rates);
  CHECK(all.limits.rate_user_per_minute == 0);
  CHECK(all.limits.rate_address_per_minute == 0);
  CHECK(all.limits.rate_join_address_per_minute == 0);
  CHECK(all.limits.sign_in_failures == 0);
  CHECK(start{}.accepted().limits.rate_user_per_minute == 600);
  CHECK(start{.words = {"--limits.rate-user=0"}}.accepted().limits.rate_user_per_minute == 0);
}

TEST_CASE("values arrive in the settings") {
  const auto all = start{.words = {"--data=/srv/social", "--http.address=::1", "--http.trusted-proxy=10.0.0.0/8",
                                   "--durability=async", "--push.mode=console", "--push.ttl=1h", "--log.level=debug",
                                   "--log.format=json", "--shutdown.deadline=250ms", "--limits.json-body=1MiB",
                                   "--push.join-audience=none", "--admin.metrics-auth", "--actors.threads=7"}}
                       .accepted();
  CHECK(all.data == "/srv/social");
  CHECK(all.push.vapid_dir == "/srv/social/secrets/vapid");
  CHECK(all.auth.jwt_key_file == "/srv/social/secrets/jwt.key");
  CHECK(all.http.address == "::1");
  CHECK(all.http.public_url == "http://[::1]:8080");
  CHECK(all.http.trusted_proxies.front().text() == "10.0.0.0/8");
  CHECK(all.durability == durability::async);
  CHECK(all.push.mode == push_mode::console);
  CHECK(all.push.audience == join_audience::none);
  CHECK(all.push.ttl == milliseconds(3'600'000));
  CHECK(all.log.level == log::level::debug);
  CHECK(all.log.format == log_format::json);
  CHECK(all.shutdown_deadline == milliseconds(250));
  CHECK(all.limits.json_body_bytes == 1'048'576);
  CHECK(all.admin.metrics_auth);
  CHECK(all.actor_threads == 7);
  CHECK(all.http.threads == 4);
  CHECK(all.limits.hash_threads == 2);
}

TEST_CASE("links carry the port that was taken, and an address that can be reached") {
  CHECK(start{.words = {"--http.port=0"}}.accepted().http.public_url.empty());
  http_settings http{.address = "0.0.0.0"};
  CHECK(public_url_for(http, 4711) == "http://127.0.0.1:4711");
  http.address = "::";
  CHECK(public_url_for(http, 4711) == "http://[::1]:4711");
  http.public_url = "https://social.example.org";
  CHECK(public_url_for(http, 4711) == "https://social.example.org");
}

TEST_CASE("subcommands, with options before and behind") {
  const auto what = [](std::vector<std::string> words) {
    return start{.words = std::move(words)}.parse().value().what;
  };
  CHECK(what({}) == subcommand::serve);
  CHECK(what({"serve"}) == subcommand::serve);
  CHECK(what({"config", "show"}) == subcommand::config_show);
  CHECK(what({"backup", "/b"}) == subcommand::backup);
  CHECK(what({"restore", "/b", "--data", "/d"}) == subcommand::restore);
  CHECK(start{.words = {"--data", "/d", "backup", "/b"}}.parse()->directory == "/b");
  CHECK(what({"vapid", "show"}) == subcommand::vapid_show);
  CHECK(what({"vapid", "rotate"}) == subcommand::vapid_rotate);
  CHECK(what({"version"}) == subcommand::version);
  CHECK(what({"--help"}) == subcommand::help);
  CHECK(what({"config", "show", "-h"}) == subcommand::help);
  CHECK(start{.words = {"--data", "a", "config", "show", "--shards", "2"}}.accepted().shards == 2);
  CHECK(start{.words = {"--data", "serve"}}.accepted().data == "serve");
  CHECK(contains(start{.words = {"config"}}.refused(), "a word is missing"));
  CHECK(contains(start{.words = {"config", "hide"}}.refused(), "see"));
  CHECK(contains(start{.words = {"bakcup", "x"}}.refused(), "'bakcup' is no subcommand"));
  CHECK(contains(start{.self = executable::api, .words = {"vapid", "show"}}.refused(), "'vapid'"));
  CHECK(contains(start{.words = {"backup"}}.refused(), "missing"));
  CHECK(contains(start{.words = {"backup", "/a", "/b"}}.refused(), "'/b'"));
}

TEST_CASE("help and version need no valid configuration") {
  CHECK(start{.words = {"version"}, .environment = {"SOCIAL_NONSENSE=1"}}.parse());
  CHECK(start{.words = {"--help"}, .environment = {"SOCIAL_HTTP_PORT=x"}}.parse());
}

TEST_CASE("each executable takes its own options") {
  CHECK(contains(start{.self = executable::api, .words = {"--roles", "api"}}.refused(),
                 "--roles is not an option of social-server-api but of social-server"));
  CHECK(contains(start{.self = executable::push, .words = {"--http.port=1"}}.refused(), "social-server-api"));
  CHECK(start{.self = executable::push}.accepted().admin.port == 9091);
  CHECK(start{.self = executable::api}.accepted().admin.port == 9090);
  CHECK(start{.self = executable::api}.accepted().roles == roles{true, false});
  CHECK(start{.self = executable::push}.accepted().roles == roles{false, true});
  // Two executables may share environment and file.
  start shared{.self = executable::push, .environment = {"SOCIAL_HTTP_PORT=1"}};
  CHECK(shared.accepted().admin.port == 9091);
  shared.environment = {"SOCIAL_HTTP_PORT=x"};
  CHECK(contains(shared.refused(), "http.port"));
  CHECK(start{.self = executable::api, .words = {"--push.off", "--push.ttl=1h"}}.accepted().push.ttl ==
        milliseconds(3'600'000));
}

TEST_CASE("Kafka's options arrive in the settings of every executable") {
  for (const auto self : {executable::server, executable::api, executable::push}) {
    const auto all =
        start{.self = self,
              .words = {"--kafka.brokers=Kafka1:9092,[::1]:9093", "--kafka.group", "other", "--kafka.partitions=12",
                        "--kafka.replication=3", "--kafka.option", "security.protocol=SASL_SSL", "--kafka.option",
                        "debug=broker,topic", "--kafka.request-timeout=250ms", "--kafka.codec", "a=raw,b=json-string",
                        "--kafka.type-id=a=com.example.Event", "--admin.write", "--http.public-url=https://a.example"}}
            .accepted();
    CHECK(all.kafka.is_used());
    CHECK(all.kafka.brokers == "kafka1:9092,[::1]:9093");
    CHECK(all.kafka.group == "other");
    CHECK(all.kafka.partitions == 12);
    CHECK(all.kafka.replication == 3);
    CHECK(all.kafka.options == assignments{{"security.protocol", "SASL_SSL"}, {"debug", "broker,topic"}});
    CHECK(all.kafka.request_timeout == milliseconds(250));
    CHECK(all.kafka.codecs == assignments{{"a", "raw"}, {"b", "json-string"}});
    CHECK(all.kafka.type_ids == assignments{{"a", "com.example.Event"}});
    CHECK(all.admin.write);
    CHECK(all.http.public_url == "https://a.example");
  }
  const auto all = start{}.accepted();
  CHECK_FALSE(all.kafka.is_used());
  CHECK_FALSE(all.admin.write);
  CHECK(start{.self = executable::push}.accepted().http.public_url.empty());
  const start file{
      .words = {"--config=s.toml"},
      .files = {{"s.toml", "[kafka]\nbrokers = 'a:1'\npartitions = 5\noption = ['a=1', 'b=2,c']\ncodec = 'x=raw'\n"}}};
  CHECK(file.accepted().kafka.options == assignments{{"a", "1"}, {"b", "2,c"}});
  CHECK(file.accepted().kafka.partitions == 5);
  CHECK(file.accepted().kafka.codecs == assignments{{"x", "raw"}});
  CHECK(start{.environment = {"SOCIAL_KAFKA_OPTION=a=1,2,b=3"}}.accepted().kafka.options ==
        assignments{{"a", "1,2"}, {"b", "3"}});
}

TEST_CASE("Kafka's options are refused with what is accepted, and without secrets") {
  CHECK(start{.words = {"--kafka.brokers=a:0"}}.refused() ==
        "kafka.brokers (command line) is 'a:0', give brokers such as kafka1:9092,kafka2:9092");
  CHECK(start{.words = {"--kafka.codec=topic=xml"}}.refused() ==
        "kafka.codec (command line) is 'topic=xml', give TOPIC=json, json-string or raw");
  CHECK(contains(start{.words = {"--kafka.partitions=0"}}.refused(), "from 1 to 1000"));
  const auto secret = start{.words = {"--kafka.option=hunter2"}}.refused();
  CHECK(secret == "kafka.option (command line) is '***', give KEY=VALUE");
  CHECK(contains(start{.words = {"--kafka.group=a b"}}.refused(), "1 to 249 letters"));
}

std::string roles_refused(executable self, std::vector<std::string> words) {
  const auto checked = check_roles(start{.self = self, .words = std::move(words)}.parse().value());
  return checked ? std::string() : std::string(checked.error().text());
}

TEST_CASE("a role alone needs Kafka between it and the other") {
  CHECK(roles_refused(executable::server, {}).empty());
  CHECK(roles_refused(executable::server, {"--push.off"}).empty());
  CHECK(roles_refused(executable::server, {"--roles=push,api"}).empty());
  CHECK(roles_refused(executable::server, {"--roles=api", "--push.off"}).empty());
  CHECK(roles_refused(executable::api, {"--push.off"}).empty());
  CHECK(contains(roles_refused(executable::server, {"--roles=api"}), "add --push.off"));
  CHECK(contains(roles_refused(executable::api, {}), "--kafka.brokers"));
  CHECK(contains(roles_refused(executable::api, {}), "add --push.off"));
  CHECK(contains(roles_refused(executable::server, {"--roles=push"}), "run social-server with --roles api,push"));
  CHECK(contains(roles_refused(executable::push, {}), "--kafka.brokers"));
  CHECK(contains(roles_refused(executable::push, {"--push.off"}), "would do nothing"));
  const std::string brokers = "--kafka.brokers=localhost:9092";
  CHECK(roles_refused(executable::server, {brokers}).empty());
  CHECK(roles_refused(executable::server, {brokers, "--push.off"}).empty());
  CHECK(roles_refused(executable::server, {brokers, "--roles=api"}).empty());
  CHECK(roles_refused(executable::server, {brokers, "--roles=push"}).empty());
  CHECK(roles_refused(executable::api, {brokers}).empty());
  CHECK(roles_refused(executable::api, {brokers, "--push.off"}).empty());
  CHECK(roles_refused(executable::push, {brokers}).empty());
  CHECK(contains(roles_refused(executable::push, {brokers, "--push.off"}), "would do nothing"));
  CHECK(contains(roles_refused(executable::api, {"--kafka.brokers="}), "--kafka.brokers"));
  for (const auto* wrong : {"", "api,api", "web", "api,", "api push"})
    CHECK(contains(start{.words = {std::string("--roles=") + wrong}}.refused(), "give api, push or api,push"));
}

}  // namespace
}  // namespace social::config
