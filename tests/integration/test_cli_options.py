"""Options: where a value comes from, what is refused, and what the sentence says. Nothing here serves."""

import re
import subprocess

import pytest
from cli_support import COMMAND_TIMEOUT_S, environment, ok, refused
from server import executable


def shown(*words, **more) -> dict[str, tuple[str, str]]:
    """`config show` as name -> (value, origin)."""
    found = {}
    for line in ok("config", "show", *words, **more).splitlines():
        name, value, origin = re.fullmatch(r"([a-z0-9.-]+) = (.*?)  # (.*)", line).groups()
        found[name] = (value, origin)
    return found


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "social.toml"
    path.write_text('data = "/srv/from-file"\n[http]\nport = 1111\n[push]\nallow-origin = ["https://a.example.org"]\n'
                    '[limits]\nrates = false\n')
    return path


def test_every_option_has_a_line_and_a_default():
    found = shown()
    assert found["http.port"] == ("8080", "default")
    assert found["admin.port"] == ("9090", "default")
    assert found["http.public-url"] == ("http://127.0.0.1:8080", "default")
    assert found["data"] == ("./data", "default")
    assert found["shards"] == ("64", "default")
    assert found["push.ttl"] == ("48h", "default")
    assert found["push.join-interval"] == ("10m", "default")
    assert found["durability"] == ("sync", "default")
    assert found["shutdown.deadline"] == ("10s", "default")
    assert found["limits.rates"] == ("on", "default")
    assert found["limits.requests-in-flight"] == ("4096", "default (requests)")  # the unit, where the value has none
    assert found["auth.jwt-key-file"][0] == "./data/secrets/jwt.key"


def test_command_line_then_environment_then_file_then_default(config_file):
    assert shown("--config", config_file)["http.port"] == ("1111", f"file {config_file}")
    with_both = shown("--config", config_file, SOCIAL_HTTP_PORT="2222")
    assert with_both["http.port"] == ("2222", "environment SOCIAL_HTTP_PORT")
    with_all = shown("--config", config_file, "--http.port", "3333", SOCIAL_HTTP_PORT="2222")
    assert with_all["http.port"] == ("3333", "command line")
    assert with_all["data"] == ("/srv/from-file", f"file {config_file}")
    assert with_all["limits.rates"][0] == "off"
    assert with_all["admin.port"] == ("9090", "default")
    assert with_all["http.public-url"] == ("http://127.0.0.1:3333", "default")  # follows what it is made of
    assert with_all["push.vapid-dir"] == ("/srv/from-file/secrets/vapid", "default")
    assert shown(SOCIAL_CONFIG=str(config_file))["http.port"][0] == "1111"


def test_a_later_source_replaces_a_list(config_file):
    name = "push.allow-origin"
    assert shown("--config", config_file)[name][0] == "https://a.example.org"
    assert shown("--config", config_file, "--push.allow-origin", "https://b.example.org", "--push.allow-origin",
                 "http://127.0.0.1:9")[name][0] == "https://b.example.org,http://127.0.0.1:9"
    assert shown(SOCIAL_PUSH_ALLOW_ORIGIN="https://c.example.org,https://d.example.org")[name] == (
        "https://c.example.org,https://d.example.org", "environment SOCIAL_PUSH_ALLOW_ORIGIN")


def test_spellings_of_one_option():
    for words in (["--http.port", "7"], ["--http.port=7"]):
        assert shown(*words)["http.port"][0] == "7"
    for words, value in ((["--push.off"], "true"), (["--push.off", "on"], "true"), (["--push.off=false"], "false")):
        assert shown(*words)["push.off"][0] == value
    assert shown("--push.ttl", "120s")["push.ttl"][0] == "2m"
    assert shown("--auth.argon2-memory", "65536KiB")["auth.argon2-memory"][0] == "64MiB"
    assert ok("--http.port", "7", "config", "show") == ok("config", "show", "--http.port", "7")


@pytest.mark.parametrize("words, expected", [
    (["--nope"], ["--nope", "--help"]),
    (["--htp.port", "1"], ["--htp.port", "did you mean --http.port?"]),
    (["--http.port", "65536"], ["http.port", "command line", "'65536'", "0", "65535"]),
    (["--http.port", "-1"], ["http.port", "'-1'", "0 to 65535"]),
    (["--http.port", "0x50"], ["http.port", "'0x50'"]),
    (["--http.port"], ["http.port"]),
    (["--http.port="], ["http.port", "''"]),
    (["--http.port", "1", "--http.port", "2"], ["http.port", "more than once"]),
    (["--shards", "0"], ["shards", "1 to 4096"]),
    (["--shards", "4097"], ["shards", "1 to 4096"]),
    (["--auth.argon2-memory", "7MiB"], ["auth.argon2-memory", "8MiB", "1GiB"]),
    (["--auth.argon2-passes", "0"], ["auth.argon2-passes", "1 to 10"]),
    (["--push.ttl", "48"], ["push.ttl", "'48'", "1s", "672h"]),
    (["--push.ttl", "29h30m"], ["push.ttl"]),
    (["--shutdown.deadline", "0s"], ["shutdown.deadline", "100ms"]),
    (["--push.mode", "print"], ["push.mode", "webpush or console"]),
    (["--durability", "none"], ["durability", "sync or async"]),
    (["--log.level", "loud"], ["log.level", "trace", "error"]),
    (["--push.join-audience", "friends"], ["push.join-audience", "everyone or none"]),
    (["--push.subject", "operator@example.org"], ["push.subject", "mailto:"]),
    (["--push.subject", "mailto:<operator@example.org>"], ["push.subject", "angle brackets"]),
    (["--push.allow-origin", "push.example.org"], ["push.allow-origin", "https://"]),
    (["--push.allow-origin", "https://push.example.org/path"], ["push.allow-origin"]),
    (["--http.address", "localhost"], ["http.address", "127.0.0.1"]),
    (["--http.trusted-proxy", "10.0.0.0/33"], ["http.trusted-proxy", "10.0.0.0/8"]),
    (["--roles", "web"], ["roles", "api, push or api,push"]),
    (["--kafka.brokers", "a b"], ["kafka.brokers", "kafka1:9092"]),
    (["--kafka.brokers", "a:0"], ["kafka.brokers", "'a:0'"]),
    (["--kafka.partitions", "0"], ["kafka.partitions", "1 to 1000"]),
    (["--kafka.replication", "101"], ["kafka.replication", "1 to 100"]),
    (["--kafka.group", ""], ["kafka.group", "letters"]),
    (["--kafka.request-timeout", "99ms"], ["kafka.request-timeout", "100ms", "5m"]),
    (["--kafka.codec", "v1.event.post-liked=xml"], ["kafka.codec", "json, json-string or raw"]),
    (["--kafka.type-id", "X"], ["kafka.type-id", "TOPIC=NAME"]),
    (["--kafka.option-file", "/nowhere/kafka.conf"], ["/nowhere/kafka.conf", "cannot be read", "kafka.option-file"]),
    (["--admin.write=perhaps"], ["admin.write", "on or off"]),
    (["--limits.kafka-requests", "0"], ["limits.kafka-requests", "1 to 100000"]),
    (["--limits.json-body", "0"], ["limits.json-body", "1KiB"]),
    (["--limits.rates", "maybe"], ["limits.rates", "on or off"]),
    (["start"], ["'start'", "--help"]),
    (["config"], ["--help"]),
    (["vapid", "delete"], ["--help"]),
    (["serve", "now"], ["'now'", "--help"]),
    (["--config", "/nowhere/social.toml"], ["/nowhere/social.toml", "cannot be read"]),
])
def test_a_wrong_word_is_named_with_what_would_be_right(words, expected):
    said = refused(2, *words)
    assert said.startswith("social-server: ")
    for part in expected:
        assert part in said, said
    assert "  " not in said


def test_wrong_variables_are_named():
    said = refused(2, "config", "show", SOCIAL_HTTP_PORT="many")
    assert "http.port (environment SOCIAL_HTTP_PORT) is 'many'" in said and "0 to 65535" in said
    assert "SOCIAL_NOWHERE belongs to no option" in refused(2, "config", "show", SOCIAL_NOWHERE="1")
    assert "SOCIAL_NOWHERE" in refused(2, SOCIAL_NOWHERE="1")


@pytest.mark.parametrize("content, expected", [
    ("[http\nport = 1\n", ["not TOML", "line 1"]),
    ("[http]\nport = \"1\"\n", ["http.port", "line 2", "whole number"]),
    ("[http]\n\nprt = 1\n", ["http.prt", "line 3", "did you mean http.port?"]),
    ("[http]\nport = 65536\n", ["http.port", "0 to 65535"]),
    ("[htp]\nport = 1\n", ["htp.port"]),
    ("http = 1\n", ["http"]),
    ("config = \"other.toml\"\n", ["config"]),
    ("[http]\nport = 1\nport = 2\n", ["not TOML", "line 3"]),
])
def test_a_wrong_file_is_named_with_its_line(content, expected, tmp_path):
    path = tmp_path / "social.toml"
    path.write_text(content)
    said = refused(2, "config", "show", "--config", path)
    assert str(path) in said
    for part in expected:
        assert part in said, said


def test_a_binary_file_is_no_configuration(tmp_path):
    path = tmp_path / "social.toml"
    path.write_bytes(bytes(range(256)) * 10)
    assert str(path) in refused(2, "--config", path)
    assert str(tmp_path) in refused(2, "--config", tmp_path)  # a directory


def test_one_role_alone_is_refused_without_a_way_between_them(tmp_path):
    for name, words, advice in (("social-server", ["--roles", "api"], "--push.off"),
                                ("social-server", ["--roles", "push"], "--roles api,push"),
                                ("social-server-api", [], "--push.off"),
                                ("social-server-push", [], "--roles api,push")):
        said = refused(2, "--data", tmp_path / "data", *words, name=name)
        assert "--kafka.brokers" in said and advice in said
    assert "push.off" in refused(2, "--data", tmp_path / "data", "--kafka.brokers=localhost", "--push.off",
                                 name="social-server-push")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words, expected", [
    (["--kafka.option", "sokket.timeout.ms=1000"], ["sokket.timeout.ms"]),
    (["--kafka.option", "socket.timeout.ms=soon"], ["socket.timeout.ms"]),
    (["--kafka.option", "acks=1"], ["acks"]),
    (["--kafka.codec", "v1.event.comment-create=raw"], ["kafka.codec", "v1.event.comment-create"]),
])
@pytest.mark.parametrize("name", ["social-server", "social-server-api", "social-server-push"])
def test_what_librdkafka_does_not_take_is_refused_before_anything_is_opened(name, words, expected, tmp_path):
    said = refused(2, "--data", tmp_path / "data", "--kafka.brokers=localhost:1", *words, name=name)
    for part in expected:
        assert part in said, said
    assert not (tmp_path / "data").exists()


def test_values_for_librdkafka_are_hidden(tmp_path):
    path = tmp_path / "kafka.conf"
    path.write_text("# of the cluster\nsasl.password = hunter2\n")
    words = ("--kafka.brokers", "localhost", "--kafka.option-file", path, "--kafka.option", "sasl.username=hunter3")
    for name in ("social-server", "social-server-api", "social-server-push"):
        printed = ok("config", "show", *words, name=name)
        assert "hunter" not in printed
        assert "kafka.option = ***  # command line" in printed and f"kafka.option-file = {path}" in printed
    path.write_text("sasl.password = hunter2\nhunter4\n")
    said = refused(2, "config", "show", *words)
    assert str(path) in said and "line 2" in said and "hunter" not in said
    assert "hunter5" not in refused(2, "--kafka.option", "hunter5")


def test_the_push_executable_has_options_of_its_own():
    printed = ok("config", "show", name="social-server-push")
    assert "admin.port = 9091  # default" in printed and "kafka.group = social-push  # default" in printed
    assert "http.public-url =   # default" in printed and "http.port" not in printed
    assert "--http.port" in refused(2, "--http.port", "1", name="social-server-push")


def test_the_api_alone_has_no_push_subcommands_and_no_role_option():
    assert "--roles" in refused(2, "--roles", "api", name="social-server-api")
    assert "--help" in refused(2, "vapid", "show", name="social-server-api")


def test_a_command_that_cannot_print_fails():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([executable("social-server"), "config", "show"], stdout=full, stderr=subprocess.PIPE,
                              env=environment(), timeout=COMMAND_TIMEOUT_S)
    assert done.returncode == 1
