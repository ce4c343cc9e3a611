package social.tests;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import java.util.LinkedHashMap;
import java.util.Map;

/** A class of the answering team, which our {@code __TypeId__} names. */
public class AnyRequest {
  private final Map<String, Object> members = new LinkedHashMap<>();

  @JsonAnySetter
  void set(String name, Object value) {
    members.put(name, value);
  }

  @JsonAnyGetter
  Map<String, Object> members() {
    return members;
  }
}
