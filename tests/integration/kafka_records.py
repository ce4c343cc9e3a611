"""What lies in the topics of a broker, seen by a client that is not ours (confluent-kafka, with a librdkafka of its own),
and what foreign producers put there."""

import json
import uuid
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from push_support import until

from kafka.wire import topics_seen_by

TIMEOUT_S = 30
EVENTS = "v1.event."
TABLE = "v1.push.subscription"


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = field(default=())

    def header(self, name: str) -> str | None:
        """As text; the last one wins."""
        found = self.raw(name)
        return None if found is None else found.decode()

    def raw(self, name: str) -> bytes | None:
        found = [value for each, value in self.headers if each == name]
        return found[-1] if found else None

    @property
    def id(self) -> str:
        return self.header("ce_id")

    @property
    def json(self):
        return json.loads(self.value)


class Topics:
    """Reads, writes and administers one cluster. `options`: more settings of every client, such as SASL."""

    def __init__(self, brokers: str, **options: str):
        self.settings = {"bootstrap.servers": brokers, "log_level": 2, **options}
        self.admin = AdminClient(self.settings)
        # Those that want a password are one each in the tests.
        self.each_broker = [] if options else [address.rsplit(":", 1) for address in brokers.split(",")]

    # --- Topics -------------------------------------------------------------------------------------------------------

    def names(self) -> set[str]:
        """Of all topics but the broker's own."""
        return {name for name in self.admin.list_topics(timeout=TIMEOUT_S).topics if not name.startswith("__")}

    def partitions(self, name: str) -> int:
        return len(self.admin.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions)

    def leader(self, name: str, partition: int) -> int:
        return self.admin.list_topics(name, timeout=TIMEOUT_S).topics[name].partitions[partition].leader

    def settings_of(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        [answer] = self.admin.describe_configs([resource]).values()
        return {key: entry.value for key, entry in answer.result(TIMEOUT_S).items()}

    def make(self, name: str, partitions: int = 3, **settings: str) -> None:
        topic = NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in settings.items()})
        self.admin.create_topics([topic])[name].result(TIMEOUT_S)

    def configure(self, name: str, **settings: str) -> None:
        """All others become the broker's."""
        wanted = {key.replace("_", "."): value for key, value in settings.items()}
        [answer] = self.admin.alter_configs([ConfigResource(ResourceType.TOPIC, name, set_config=wanted)]).values()
        answer.result(TIMEOUT_S)

    def delete(self, names: set[str]) -> None:
        for answer in (self.admin.delete_topics(list(names)) if names else {}).values():
            answer.result(TIMEOUT_S)

    def clear(self) -> None:
        """Takes away all topics and groups, so that the next test begins with none. A member that was killed is part of its
        group until the broker misses it."""
        until(lambda: not self._groups_left(), TIMEOUT_S, "the groups do not go away")
        names = self.names()
        self.delete(names)
        # Brokers hear of it one after the other.
        until(lambda: not self.names(), TIMEOUT_S, "the topics do not go away")
        for host, port in self.each_broker:
            until(lambda: not topics_seen_by(host, int(port)) & names, TIMEOUT_S, f"the broker at {port} keeps its topics")

    def _groups_left(self) -> list[str]:
        groups = [group.group_id for group in self.admin.list_consumer_groups().result(TIMEOUT_S).valid]
        answers = self.admin.delete_consumer_groups(groups) if groups else {}
        return [group for group, answer in answers.items() if answer.exception(TIMEOUT_S)]

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Offsets of a group, by topic and partition; those without one are left out."""
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self.admin.list_consumer_group_offsets(asked)[group].result(TIMEOUT_S)
        return {(each.topic, each.partition): each.offset for each in answer.topic_partitions if each.offset >= 0}

    def members(self, group: str) -> list[set[tuple[str, int]]]:
        """What each member of a group has been assigned."""
        described = self.admin.describe_consumer_groups([group])[group].result(TIMEOUT_S)
        return [{(each.topic, each.partition) for each in member.assignment.topic_partitions}
                for member in described.members]

    # --- Records ------------------------------------------------------------------------------------------------------

    def read(self, *names: str) -> list[Record]:
        """All that lies in these topics now, in the order of each partition."""
        wanted = self._ends(names)
        found: list[Record] = []
        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place, end in wanted.items() if end])
            left = {place for place, end in wanted.items() if end}
            while left:
                message = consumer.poll(TIMEOUT_S)
                assert message is not None, f"nothing came of {left}"
                place = (message.topic(), message.partition())
                if message.error():
                    if message.error().code() != -191:  # _PARTITION_EOF
                        raise KafkaException(message.error())
                    left.discard(place)
                    continue
                found.append(_record(message))
                if message.offset() + 1 >= wanted[place]:
                    left.discard(place)
        finally:
            consumer.close()
        return found

    def events(self) -> list[Record]:
        """Of all topics of events that exist; neither requests nor dead letters."""
        return self.read(*sorted(name for name in self.names() if name.startswith(EVENTS)
                                 and ".subscription." not in name and not name.endswith("-dlt")))

    def _consumer(self) -> Consumer:
        return Consumer({**self.settings, "group.id": f"reader-{uuid.uuid4()}", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "earliest"})

    def _ends(self, names) -> dict[tuple[str, int], int]:
        consumer = self._consumer()
        try:
            known = consumer.list_topics(timeout=TIMEOUT_S).topics
            places = [(name, partition) for name in names for partition in known[name].partitions]
            return {place: consumer.get_watermark_offsets(TopicPartition(*place), TIMEOUT_S)[1] for place in places}
        finally:
            consumer.close()

    def ends(self, *names: str) -> dict[tuple[str, int], int]:
        """The next offset of each partition."""
        return self._ends(names)

    def put(self, topic: str, value: bytes | str | dict | None, key: str | None = None, headers: dict | list = (),
            partition: int | None = None, timestamp: int | None = None) -> tuple[int, int]:
        """As some other program would. Returns partition and offset."""
        placed: list = []

        def done(failure, message):
            placed.append(failure or (message.partition(), message.offset()))

        producer = Producer({**self.settings, "partitioner": "murmur2_random", "linger.ms": 0})
        more = {name: given for name, given in (("partition", partition), ("timestamp", timestamp)) if given is not None}
        if isinstance(value, dict):
            value = json.dumps(value, ensure_ascii=False)
        producer.produce(topic, value, key, headers=list(headers.items() if isinstance(headers, dict) else headers),
                         on_delivery=done, **more)
        assert producer.flush(TIMEOUT_S) == 0, f"a record to {topic} was not acknowledged"
        [result] = placed
        if not isinstance(result, tuple):
            raise KafkaException(result)
        return result


def _record(message) -> Record:
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1], message.key(),
                  message.value(), tuple(message.headers() or ()))


def java_partition(key: bytes, partitions: int) -> int:
    """Where Java's producer puts a key: `toPositive(murmur2(key)) % partitions` (org.apache.kafka.common.utils.Utils)."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with Kafka's seed."""
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    hashed = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * factor & mask
        k = (k ^ k >> 24) * factor & mask
        hashed = (hashed * factor & mask) ^ k
    if tail := data[whole:]:
        hashed = (hashed ^ int.from_bytes(tail, "little")) * factor & mask
    hashed = (hashed ^ hashed >> 13) * factor & mask
    return hashed ^ hashed >> 15
