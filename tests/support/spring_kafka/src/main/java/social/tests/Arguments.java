package social.tests;

import java.util.HashMap;
import java.util.Map;

/** {@code --name value} pairs of a command line. */
final class Arguments {
  private final Map<String, String> given = new HashMap<>();

  Arguments(String[] words) {
    for (int i = 0; i < words.length; i += 2) {
      if (!words[i].startsWith("--") || i + 1 == words.length) {
        throw new IllegalArgumentException("not an option with a value: " + words[i]);
      }
      given.put(words[i].substring(2), words[i + 1]);
    }
  }

  String required(String name) {
    String value = given.get(name);
    if (value == null) {
      throw new IllegalArgumentException("--" + name + " is missing");
    }
    return value;
  }

  String optional(String name, String otherwise) {
    return given.getOrDefault(name, otherwise);
  }
}
