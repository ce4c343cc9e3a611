package social.tests;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConsumerAwareRebalanceListener;
import org.springframework.kafka.support.serializer.JsonDeserializer;
import org.springframework.kafka.support.serializer.JsonSerializer;

/**
 * A Spring service that answers: {@code @KafkaListener} with {@code @SendTo}, in the place of our push service.
 *
 * <p>{@code --codec}: {@code json} (JsonDeserializer, JsonSerializer), {@code json-string} (the same around a String),
 * {@code raw} (StringDeserializer, StringSerializer). {@code --typed true}: the deserializer has no default type and goes
 * by {@code __TypeId__} alone. Says when both topics are assigned; ends at the end of stdin.
 */
@Configuration
@EnableKafka
public class Responder {
  private static Arguments arguments;
  private static final CountDownLatch ASSIGNED = new CountDownLatch(2);

  public static void main(String[] words) throws Exception {
    arguments = new Arguments(words);
    var context = new AnnotationConfigApplicationContext(Responder.class);
    ASSIGNED.await();
    Lines.print(Map.of("ready", true));
    while (System.in.read() >= 0) {
      // Nothing is said to it: only the end counts.
    }
    context.close();
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<String, Object> kafkaListenerContainerFactory(KafkaTemplate<String, Object> replies) {
    Map<String, Object> settings = new HashMap<>();
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments.required("brokers"));
    settings.put(ConsumerConfig.GROUP_ID_CONFIG, arguments.optional("group", UUID.randomUUID().toString()));
    settings.put(ConsumerConfig.METADATA_MAX_AGE_CONFIG, 1000);
    settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
    settings.put(
        ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, codec().equals("raw") ? StringDeserializer.class : JsonDeserializer.class);
    settings.put(JsonDeserializer.TRUSTED_PACKAGES, "social.tests,java.util,java.lang");
    if (!arguments.optional("typed", "false").equals("true")) {
      settings.put(JsonDeserializer.VALUE_DEFAULT_TYPE, codec().equals("json") ? HashMap.class.getName() : String.class.getName());
    }
    var factory = new ConcurrentKafkaListenerContainerFactory<String, Object>();
    factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(settings));
    factory.setReplyTemplate(replies);
    factory.getContainerProperties().setConsumerRebalanceListener(new FirstAssignment());
    return factory;
  }

  @Bean
  KafkaTemplate<String, Object> replies() {
    return new KafkaTemplate<>(
        new DefaultKafkaProducerFactory<>(
            Map.of(
                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arguments.required("brokers"),
                ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
                ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                    codec().equals("raw") ? StringSerializer.class : JsonSerializer.class)));
  }

  @Bean
  Answers answers() {
    return new Answers(codec().equals("json"));
  }

  private static String codec() {
    return arguments.optional("codec", "json");
  }

  /** Begins at the end, which is known before anybody hears that we are ready; counts down once for each topic. */
  private static final class FirstAssignment implements ConsumerAwareRebalanceListener {
    private final Set<String> seen = new HashSet<>();

    @Override
    public synchronized void onPartitionsAssigned(Consumer<?, ?> consumer, Collection<TopicPartition> partitions) {
      consumer.seekToEnd(partitions);
      for (TopicPartition partition : partitions) {
        consumer.position(partition);
        if (seen.add(partition.topic())) {
          ASSIGNED.countDown();
        }
      }
    }
  }
}
