package social.tests;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.requestreply.CorrelationKey;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.kafka.support.TopicPartitionOffset;

/**
 * A Spring service that asks: a {@link ReplyingKafkaTemplate}, driven by lines of JSON on stdin.
 *
 * <p>Reads {@code {"id", "topic", "key", "value"}}, prints {@code {"id", "topic", "partition", "key", "value",
 * "headers", "refused"}} for each reply, or {@code {"id", "failure"}}. Requests run at the same time. Ends at the end of
 * stdin, after the last reply.
 */
public final class Requester {
  private static final Duration ASSIGNMENT_TIMEOUT = Duration.ofSeconds(60);

  /** What our error checker makes of a reply that says it is an error: Spring fails the future with it. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final transient ConsumerRecord<?, ?> reply;

    Refused(ConsumerRecord<?, ?> reply, String code) {
      super(code);
      this.reply = reply;
    }
  }

  private Requester() {}

  public static void main(String[] words) throws Exception {
    Arguments arguments = new Arguments(words);
    ReplyingKafkaTemplate<String, Object, String> template = template(arguments);
    template.afterPropertiesSet();
    template.start();
    if (!template.waitForAssignment(ASSIGNMENT_TIMEOUT)) {
      throw new IllegalStateException("the reply topic was not assigned in time");
    }
    Lines.print(Map.of("ready", true));
    List<CompletableFuture<?>> open = new ArrayList<>();
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        open.add(ask(template, Lines.JSON.readTree(line)));
      }
    }
    CompletableFuture.allOf(open.toArray(new CompletableFuture<?>[0])).join();
    template.stop();
    template.destroy();
  }

  private static ReplyingKafkaTemplate<String, Object, String> template(Arguments arguments) {
    String brokers = arguments.required("brokers");
    String replyTopic = arguments.required("reply-topic");
    String partition = arguments.optional("reply-partition", "");
    ContainerProperties properties =
        partition.isEmpty()
            ? new ContainerProperties(replyTopic)
            : new ContainerProperties(new TopicPartitionOffset(replyTopic, Integer.parseInt(partition)));
    // Each requester that shares a topic has a group of its own, so that it sees every reply.
    properties.setGroupId(arguments.optional("group", UUID.randomUUID().toString()));
    var replies =
        new KafkaMessageListenerContainer<>(
            new DefaultKafkaConsumerFactory<>(
                Map.<String, Object>of(
                    ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "latest"),
                new StringDeserializer(),
                new StringDeserializer()),
            properties);
    var producers = new DefaultKafkaProducerFactory<String, Object>(producerSettings(arguments, brokers));
    var template = new ReplyingKafkaTemplate<String, Object, String>(producers, replies);
    template.setSharedReplyTopic(partition.isEmpty());
    template.setDefaultReplyTimeout(Duration.ofMillis(Long.parseLong(arguments.optional("timeout-ms", "10000"))));
    template.setReplyErrorChecker(Requester::check);
    String correlation = arguments.optional("correlation", "binary");
    if (correlation.equals("uuid-text")) {
      template.setBinaryCorrelation(false);
    } else if (correlation.equals("long-text")) {
      template.setCorrelationIdStrategy(
          request -> new CorrelationKey(("요청/" + UUID.randomUUID() + "/" + "x".repeat(200)).getBytes(StandardCharsets.UTF_8)));
    }
    return template;
  }

  private static Map<String, Object> producerSettings(Arguments arguments, String brokers) {
    Class<?> serializer =
        arguments.optional("serializer", "string").equals("json")
            ? org.springframework.kafka.support.serializer.JsonSerializer.class
            : StringSerializer.class;
    return Map.of(
        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers,
        ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
        ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, serializer);
  }

  /** As a team would write it: an error reply fails the future. */
  private static Exception check(ConsumerRecord<?, ?> reply) {
    Header code = reply.headers().lastHeader("x-error-code");
    return code == null ? null : new Refused(reply, new String(code.value(), StandardCharsets.UTF_8));
  }

  private static CompletableFuture<?> ask(ReplyingKafkaTemplate<String, Object, String> template, JsonNode request) {
    JsonNode key = request.path("key");
    var record =
        new ProducerRecord<String, Object>(
            request.path("topic").asText(), key.isTextual() ? key.asText() : null, value(template, request.path("value")));
    String id = request.path("id").asText();
    return template
        .sendAndReceive(record)
        .handle(
            (reply, failure) -> {
              if (failure instanceof Refused refused) {
                Lines.print(shown(id, refused.reply, refused.getMessage()));
              } else if (failure != null) {
                Lines.print(Map.of("id", id, "failure", failure.getClass().getSimpleName()));
              } else {
                Lines.print(shown(id, reply, null));
              }
              return null;
            });
  }

  /** With StringSerializer the JSON's text; with JsonSerializer the object, or the string, that it makes JSON of. */
  private static Object value(ReplyingKafkaTemplate<String, Object, String> template, JsonNode value) {
    if (value.isTextual()) {
      return value.asText();
    }
    var settings = template.getProducerFactory().getConfigurationProperties();
    boolean asText = settings.get(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG) == StringSerializer.class;
    return asText ? value.toString() : Lines.JSON.convertValue(value, LinkedHashMap.class);
  }

  private static Map<String, Object> shown(String id, ConsumerRecord<?, ?> reply, String refused) {
    List<List<String>> headers = new ArrayList<>();
    for (Header header : reply.headers()) {
      headers.add(List.of(header.key(), HexFormat.of().formatHex(header.value())));
    }
    Map<String, Object> shown = new LinkedHashMap<>();
    shown.put("id", id);
    shown.put("topic", reply.topic());
    shown.put("partition", reply.partition());
    shown.put("key", reply.key());
    shown.put("value", reply.value());
    shown.put("headers", headers);
    shown.put("refused", refused);
    return shown;
  }
}
