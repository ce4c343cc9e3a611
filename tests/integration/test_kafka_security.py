"""A broker that wants a user and a password, given in --kafka.option-file; and what is seen when they are wrong."""

import pytest
import requests
from cli_support import ok, refused
from kafka_records import Topics
from kafka_services import API, PUSH, TwoServices, degraded, wait_consumed
from people import Person
from push_support import Writer, admin, until

from kafka import Cluster

USER, PASSWORD, WRONG = "social", "open-sesame-4711", "wrong-password-0815"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("guarded"), sasl={USER: PASSWORD}) as cluster:
        yield cluster


def option_file(folder, password: str):
    path = folder / "kafka.properties"
    path.write_text("# of librdkafka\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                    f"sasl.username={USER}\nsasl.password={password}\n")
    path.chmod(0o600)
    return path


def all_that_is_said(two: TwoServices) -> str:
    """Logs, standard output, and every page that an operator sees."""
    said = ""
    for server in (two.api, two.push):
        said += server.log + "\n".join(server.lines)
        said += "".join(str(admin(server, name)) for name in ("kafka", "subscribers", "shards", "dead-letters"))
        said += requests.get(server.admin_url + "/metrics", timeout=30).text
        said += requests.get(server.admin_url + "/readyz", timeout=30).text
    return said


def test_both_services_work_through_sasl(tmp_path, guarded):
    options = ("--kafka.option-file", str(option_file(tmp_path, PASSWORD)))
    with TwoServices(tmp_path, guarded.sasl_brokers, options=options, push_options=("--push.join-audience", "none")) as two:
        two.ready()
        ann = Writer(two.url, "Ann")
        bob = ann.befriend("Bob")
        key = ann.ok("GET", "/api/push/public-key")["publicKey"]
        endpoint = "https://push.example.org/ann"
        ann.ok("POST", "/api/subscribe", json={"notificationEndPoint": endpoint, "publicKey": key,
                                               "auth": "AAAAAAAAAAAAAAAAAAAAAA"})
        ann.hear(bob, "through a guarded broker")
        two.push.wait_line(wanted=f'{endpoint} -> "Bob가 코멘트를 달았습니다." 푸쉬발송')
        topics = Topics(guarded.brokers)
        wait_consumed(topics)
        assert len(topics.read("v1.event.comment-created")) == 1
        assert PASSWORD not in all_that_is_said(two)
    shown = ok("config", "show", "--data", tmp_path / "api", "--kafka.brokers", guarded.sasl_brokers, *options,
               name=API)
    assert PASSWORD not in shown and "kafka.option-file" in shown


def test_a_wrong_password_is_seen_and_not_told(tmp_path, guarded):
    options = ("--kafka.option-file", str(option_file(tmp_path, WRONG)))
    with TwoServices(tmp_path, guarded.sasl_brokers, options=options) as two:
        for server in (two.api, two.push):
            said = until(lambda each=server: [reason for reason in degraded(each).values()
                                              if "authentication" in reason.lower()],
                         message=f"nothing says why:\n{server.log[-2000:]}")
            assert WRONG not in str(said)
            assert "uthentication" in server.log
        Person(two.url).post("the API serves on")
        assert WRONG not in all_that_is_said(two)
        # When the password is right after all, a restart is enough.
        option_file(tmp_path, PASSWORD)
        for server in (two.api, two.push):
            assert server.stop() == 0, server.log[-4000:]
        two.start().ready()


def test_an_option_file_that_cannot_be_used_is_refused(tmp_path, guarded):
    for line, word in (("sasl.passwort=x", "sasl.passwort"), ("no assignment", "option-file"), ("acks=1", "acks")):
        path = tmp_path / "kafka.properties"
        path.write_text(line + "\n")
        path.chmod(0o600)
        said = refused(2, "--data", tmp_path / "data", "--admin.port", "0", "--kafka.brokers", guarded.brokers,
                                   "--kafka.option-file", path, name=PUSH)
        assert word in said
