package social.tests;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.messaging.handler.annotation.SendTo;

/**
 * A push service of another team: keeps devices in memory, words its refusals in its own way. The endpoint says what is to
 * happen: one that holds {@code silent} is not answered, {@code refused} and {@code broken} are errors.
 */
public class Answers {
  /** The generator of P-256, uncompressed: any point will do. */
  private static final String KEY = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

  private final boolean asObjects;
  private final Map<Long, Long> usersByDevice = new ConcurrentHashMap<>();

  Answers(boolean asObjects) {
    this.asObjects = asObjects;
  }

  @KafkaListener(topics = "v1.event.subscription.request")
  @SendTo
  public Object subscribe(ConsumerRecord<String, Object> request) throws JsonProcessingException {
    JsonNode asked = read(request.value());
    String endpoint = asked.path("notificationEndPoint").asText();
    if (endpoint.contains("silent")) {
      return null;
    }
    if (endpoint.contains("refused")) {
      return shown(error(422, "constraint_violated", "unwanted", List.of(Map.of("field", "notificationEndPoint", "reason", "is refused"))));
    }
    if (endpoint.contains("broken")) {
      return shown(error(500, "oops", "something of ours", null));
    }
    long user = asked.path("userId").asLong();
    long device = Integer.toUnsignedLong(endpoint.hashCode()) + 1;
    usersByDevice.put(device, user);
    Map<String, Object> saved = new LinkedHashMap<>();
    saved.put("seq", device);
    saved.put("userId", user);
    saved.put("notificationEndPoint", endpoint);
    saved.put("createAt", Instant.now().truncatedTo(ChronoUnit.MICROS).toString());
    return shown(saved);
  }

  @KafkaListener(topics = "v1.push.request")
  @SendTo
  public Object answer(ConsumerRecord<String, Object> request) throws JsonProcessingException {
    JsonNode asked = read(request.value());
    if (asked.path("kind").asText().equals("public-key")) {
      return shown(Map.of("publicKey", KEY, "keyId", "spring"));
    }
    long user = asked.path("userId").asLong();
    long device = asked.path("id").asLong();
    if (!usersByDevice.remove(device, user)) {
      return shown(error(404, "subscription_not_found", "no such device", null));
    }
    return shown(Map.of("kind", "remove", "userId", user, "id", device, "removed", true));
  }

  private static JsonNode read(Object value) throws JsonProcessingException {
    return value instanceof String text ? Lines.JSON.readTree(text) : Lines.JSON.valueToTree(value);
  }

  private Object shown(Map<String, Object> answer) throws JsonProcessingException {
    return asObjects ? answer : Lines.JSON.writeValueAsString(answer);
  }

  private static Map<String, Object> error(int status, String code, String message, Object fields) {
    Map<String, Object> error = new LinkedHashMap<>();
    error.put("message", message);
    error.put("status", status);
    error.put("code", code);
    if (fields != null) {
      error.put("fields", fields);
    }
    return Map.of("error", error);
  }
}
