package social.tests;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;

/** JSON, one value a line: what the programs say on stdout. Logs go to stderr. */
final class Lines {
  static final ObjectMapper JSON = new ObjectMapper();

  private Lines() {}

  static synchronized void print(Object value) {
    try {
      System.out.println(JSON.writeValueAsString(value));
      System.out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
