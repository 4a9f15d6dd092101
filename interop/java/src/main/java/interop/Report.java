package interop;

import io.grpc.Status;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs cases and says how each went: `ok NAME` or `FAILED NAME: why`. */
final class Report {
  // No case takes a tenth of it on a slow machine.
  private static final long CASE_SECONDS = 60;

  private final String prefix;
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          body -> {
            Thread thread = new Thread(body);
            thread.setDaemon(true);
            return thread;
          });
  private boolean passed = true;

  Report(String prefix) {
    this.prefix = prefix;
  }

  interface Case {
    void run() throws Throwable;
  }

  /** Runs one case and prints its line. */
  void run(String name, Case body) throws Exception {
    Throwable why;
    try {
      why = threads.submit(() -> outcome(body)).get(CASE_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException late) {
      why = new AssertionError("not done after " + CASE_SECONDS + " s");
    }
    if (why == null) {
      System.out.println("ok " + prefix + "/" + name);
      return;
    }
    passed = false;
    String where =
        Arrays.stream(why.getStackTrace())
            .filter(frame -> "Client.java".equals(frame.getFileName()))
            .findFirst()
            .map(frame -> " (line " + frame.getLineNumber() + ")")
            .orElse("");
    String line = why.toString().replaceAll("\\s+", " ");
    System.out.println("FAILED " + prefix + "/" + name + ": " + line + where);
  }

  private static Throwable outcome(Case body) {
    try {
      body.run();
      return null;
    } catch (Throwable why) { // A case may fail in any way; all of them are a verdict.
      return why;
    }
  }

  boolean hasPassed() {
    return passed;
  }

  /** Fails the case unless the two are equal. */
  static void equal(Object got, Object want) {
    if (!Objects.deepEquals(got, want)) {
      throw new AssertionError("got " + brief(got) + ", want " + brief(want));
    }
  }

  /** Fails the case with `why` unless the condition holds. */
  static void check(boolean holds, String why) {
    if (!holds) {
      throw new AssertionError(why);
    }
  }

  /** Runs what must fail with `code`, and returns the error. */
  static Throwable failsWith(Status.Code code, Callable<?> call) {
    Throwable error = fails(call);
    Status status = Status.fromThrowable(error);
    check(status.getCode() == code, "got " + status + ", want " + code);
    return error;
  }

  /** Runs what must fail, and returns the error. */
  static Throwable fails(Callable<?> call) {
    Object got;
    try {
      got = call.call();
    } catch (Exception error) {
      return error;
    }
    throw new AssertionError("got " + brief(got) + ", want an error");
  }

  private static String brief(Object value) {
    String text = String.valueOf(value);
    return text.length() <= 200
        ? text
        : text.substring(0, 200) + "... (" + text.length() + " characters)";
  }
}
