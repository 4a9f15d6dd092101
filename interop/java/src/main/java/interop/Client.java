package interop;

import static interop.Report.check;
import static interop.Report.equal;
import static interop.Report.fails;
import static interop.Report.failsWith;
import static io.grpc.Status.Code.CANCELLED;
import static io.grpc.Status.Code.DEADLINE_EXCEEDED;
import static io.grpc.Status.Code.FAILED_PRECONDITION;
import static io.grpc.Status.Code.INTERNAL;
import static io.grpc.Status.Code.NOT_FOUND;
import static io.grpc.Status.Code.RESOURCE_EXHAUSTED;
import static io.grpc.Status.Code.UNAVAILABLE;
import static io.grpc.Status.Code.UNIMPLEMENTED;
import static io.grpc.Status.Code.UNKNOWN;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.ByteString;
import interop.InteropGrpc.InteropBlockingV2Stub;
import interop.InteropGrpc.InteropFutureStub;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/** Calls a server with grpc-java and says how each case went: Client HOST:PORT PREFIX [CA]. */
final class Client {
  private static final int MEBIBYTE = 1 << 20;
  private static final String UNICODE = "\t\nno such 飛脚 ☺ 😈 100 %\r\n";
  private static final byte[] ALL_BYTES = new byte[256];

  static {
    IntStream.range(0, 256).forEach(number -> ALL_BYTES[number] = (byte) number);
  }

  private final ManagedChannel channel;
  private final Report report;

  private Client(ManagedChannel channel, Report report) {
    this.channel = channel;
    this.report = report;
  }

  public static void main(String[] args) throws Exception {
    ChannelCredentials credentials =
        args.length == 2
            ? InsecureChannelCredentials.create()
            : TlsChannelCredentials.newBuilder().trustManager(new File(args[2])).build();
    Report report = new Report(args[1]);
    new Client(Grpc.newChannelBuilder(args[0], credentials).build(), report).run();
    System.exit(report.hasPassed() ? 0 : 1);
  }

  private void run() throws Exception {
    messages();
    compression();
    streams();
    metadata();
    errors();
    unknown();
    deadlines();
    cancellation();
    shutdown();
  }

  private void messages() throws Exception {
    report.run("an_empty_message_comes_back", () -> equal(stub().echo(blob(0)), blob(0)));
    report.run(
        "one_mebibyte_comes_back",
        () -> {
          Blob request = blob(MEBIBYTE);
          equal(stub().echo(request), request);
        });
    report.run(
        "one_mebibyte_messages_come_back_in_a_stream",
        () -> comeBack(IntStream.generate(() -> MEBIBYTE).limit(16)));
    report.run(
        "messages_of_all_lengths_come_back_in_a_stream",
        () ->
            comeBack(
                IntStream.of(
                    0, 1, 126, 127, 128, 16_378, 16_379, 16_384, 65_535, 65_536, 300_000)));
    report.run(
        "a_message_over_the_limit_is_refused",
        () -> failsWith(RESOURCE_EXHAUSTED, () -> stub().echo(blob(5 * MEBIBYTE))));
  }

  private void compression() throws Exception {
    report.run(
        "a_compressed_message_comes_back",
        () -> {
          Metadata metadata = new Metadata();
          metadata.put(Server.text("compressed"), "gzip");
          Blob request =
              Blob.newBuilder().setPayload(ByteString.copyFrom(new byte[100_000])).build();
          var stub =
              stub()
                  .withCompression("gzip")
                  .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
          equal(stub.echo(request), request);
        });
  }

  private void streams() throws Exception {
    report.run("the_server_sends_ten_thousand", () -> produce(10_000));
    report.run(
        "the_client_sends_ten_thousand",
        () -> equal(consume(10_000), total(10_000, 10_000 * 9_999 / 2)));
    report.run(
        "both_send_ten_thousand", () -> comeBack(IntStream.generate(() -> 8).limit(10_000)));
    report.run(
        "streams_may_be_empty",
        () -> {
          produce(0);
          equal(consume(0), total(0, 0));
          comeBack(IntStream.empty());
        });
    report.run(
        "many_calls_share_a_connection",
        () -> {
          List<Blob> requests = IntStream.range(0, 500).mapToObj(Client::blob).toList();
          var replies = requests.stream().map(request -> futureStub().echo(request)).toList();
          for (int number = 0; number < 500; number++) {
            equal(replies.get(number).get(), requests.get(number));
          }
        });
    report.run(
        "a_slow_reader_gets_everything_and_holds_up_nobody",
        () -> {
          // More than every window and buffer holds waits for a reader that has other calls to
          // make.
          Count count = Count.newBuilder().setNumbers(10_000).setPaddingLen(1000).build();
          var replies = stub().produce(count);
          for (int want = 0; want < 10_000; want++) {
            Number reply = replies.read();
            equal(List.of(reply.getValue(), reply.getPadding().size()), List.of(want, 1000));
            if (want % 100 == 0) {
              Blob errand = blob(65_536);
              equal(stub().echo(errand), errand);
            }
          }
          equal(replies.read(), null);
        });
  }

  private void produce(int numbers) throws Exception {
    var replies = stub().produce(Count.newBuilder().setNumbers(numbers).build());
    for (int want = 0; want < numbers; want++) {
      equal(replies.read().getValue(), want);
    }
    equal(replies.read(), null);
  }

  private Total consume(int numbers) throws Exception {
    var call = stub().consume();
    for (int value = 0; value < numbers; value++) {
      call.write(Number.newBuilder().setValue(value).build());
    }
    call.halfClose();
    return call.read();
  }

  /** Sends a message of each length and wants all of them back, in order. */
  private void comeBack(IntStream lengths) throws Exception {
    List<Blob> requests = lengths.mapToObj(Client::blob).toList();
    var call = stub().exchange();
    var sent =
        CompletableFuture.runAsync(
            () -> {
              try {
                for (Blob request : requests) {
                  call.write(request);
                }
                call.halfClose();
              } catch (Exception error) {
                throw new IllegalStateException(error);
              }
            });
    for (Blob request : requests) {
      equal(call.read(), request);
    }
    equal(call.read(), null);
    sent.get();
  }

  private void metadata() throws Exception {
    Metadata sent = new Metadata();
    sent.put(Server.text("echo-initial-text"), "plain text, with = and ~");
    sent.put(Server.text("echo-initial-twice"), "first");
    sent.put(Server.text("echo-initial-twice"), "second");
    sent.put(Server.bin("echo-initial-all-bin"), ALL_BYTES);
    sent.put(Server.bin("echo-initial-short-bin"), new byte[] {(byte) 0xab});
    sent.put(Server.text("echo-trailing-text"), "after");
    sent.put(Server.bin("echo-trailing-all-bin"), ALL_BYTES);
    sent.put(Server.bin("echo-trailing-empty-bin"), new byte[0]);
    report.run(
        "metadata_goes_both_ways", () -> around(sent, stub -> stub.echo(blob(1))));
    report.run(
        "metadata_goes_both_ways_around_a_stream",
        () ->
            around(
                sent,
                stub -> {
                  var call = stub.exchange();
                  for (Blob request : List.of(blob(1), blob(2))) {
                    call.write(request);
                    equal(call.read(), request);
                  }
                  call.halfClose();
                  equal(call.read(), null);
                }));
    Metadata big = new Metadata();
    big.put(Server.text("echo-initial-long"), "x".repeat(4096));
    report.run("four_kilobytes_of_metadata_come_back", () -> around(big, stub -> stub.echo(blob(1))));
  }

  private interface Call {
    void make(InteropBlockingV2Stub stub) throws Exception;
  }

  /** Makes a call with metadata and wants it back, before and after the replies. */
  private void around(Metadata sent, Call call) throws Exception {
    var initial = new AtomicReference<Metadata>();
    var trailing = new AtomicReference<Metadata>();
    call.make(
        stub()
            .withInterceptors(
                MetadataUtils.newAttachHeadersInterceptor(sent),
                MetadataUtils.newCaptureMetadataInterceptor(initial, trailing)));
    equal(echoed(initial.get()), selected(sent, "echo-initial-"));
    equal(echoed(trailing.get()), selected(sent, "echo-trailing-"));
  }

  private static List<String> echoed(Metadata metadata) {
    return selected(metadata, "echo-");
  }

  /** The entries whose key has this prefix, sorted by key; the order of one key's values is kept. */
  private static List<String> selected(Metadata metadata, String prefix) {
    List<String> entries = new ArrayList<>();
    for (String key : metadata.keys().stream().filter(k -> k.startsWith(prefix)).sorted().toList()) {
      if (key.endsWith("-bin")) {
        metadata
            .getAll(Server.bin(key))
            .forEach(value -> entries.add(key + ": " + HexFormat.of().formatHex(value)));
      } else {
        metadata.getAll(Server.text(key)).forEach(value -> entries.add(key + ": " + value));
      }
    }
    return entries;
  }

  private void errors() throws Exception {
    report.run(
        "every_code_arrives_with_its_message",
        () -> {
          for (int code = 1; code <= 16; code++) {
            Failure request = failure(code, "as " + code).build();
            var error =
                failsWith(Status.fromCodeValue(code).getCode(), () -> stub().fail(request));
            equal(Status.fromThrowable(error).getDescription(), "as " + code);
          }
        });
    report.run(
        "a_message_may_hold_any_character",
        () -> {
          var error = failsWith(FAILED_PRECONDITION, () -> stub().fail(failure(9, UNICODE).build()));
          equal(Status.fromThrowable(error).getDescription(), UNICODE);
        });
    report.run(
        "an_error_carries_its_details",
        () -> {
          Failure request = failure(8, "").setDetails(ByteString.copyFrom(ALL_BYTES)).build();
          var error = failsWith(RESOURCE_EXHAUSTED, () -> stub().fail(request));
          Metadata trailers = Status.trailersFromThrowable(error);
          equal(trailers.get(Server.bin("grpc-status-details-bin")), ALL_BYTES);
        });
    report.run(
        "an_error_ends_a_stream_after_its_replies",
        () -> {
          // The server fails while the client may still send.
          var call = stub().failExchange();
          call.write(failure(5, UNICODE).setReplies(3).build());
          for (int reply = 0; reply < 3; reply++) {
            equal(call.read(), blob(0));
          }
          var error = failsWith(NOT_FOUND, call::read);
          equal(Status.fromThrowable(error).getDescription(), UNICODE);
        });
  }

  private void unknown() throws Exception {
    report.run(
        "an_unknown_method_is_unimplemented",
        () -> failsWith(UNIMPLEMENTED, () -> raw("interop.Interop/Missing", new byte[0])));
    report.run(
        "an_unknown_service_is_unimplemented",
        () -> failsWith(UNIMPLEMENTED, () -> raw("interop.Missing/Echo", new byte[0])));
    report.run(
        "bytes_that_are_no_message_fail_the_call_alone",
        () -> {
          byte[] bytes = {-1, -1, -1};
          var error = fails(() -> raw("interop.Interop/Echo", bytes));
          // INTERNAL by the specification; grpc-java's server says UNKNOWN.
          var code = Status.fromThrowable(error).getCode();
          check(code == INTERNAL || code == UNKNOWN, "got " + code);
          equal(stub().echo(blob(0)), blob(0));
        });
  }

  private void deadlines() throws Exception {
    report.run(
        "the_server_knows_the_deadline",
        () -> {
          long millis = endless().withDeadlineAfter(20, SECONDS).timeLeft(blob(0)).getMillis();
          check(15_000 < millis && millis <= 20_000, millis + " ms left of 20 s");
          equal(endless().timeLeft(blob(0)).getMillis(), 0L);
        });
    report.run(
        "a_deadline_ends_a_call",
        () -> {
          var stub = endless().withDeadlineAfter(300, MILLISECONDS);
          failsWith(DEADLINE_EXCEEDED, () -> stub.hang(newName()));
        });
    report.run(
        "a_deadline_ends_a_stream_that_has_begun",
        () -> {
          var replies = endless().withDeadlineAfter(1, SECONDS).hangReplies(newName());
          equal(replies.read(), blob(0));
          failsWith(DEADLINE_EXCEEDED, replies::read);
        });
    report.run(
        "a_deadline_ends_the_handler",
        () -> {
          Name name = newName();
          var call = InteropGrpc.newFutureStub(channel).withDeadlineAfter(1, SECONDS).hang(name);
          stub().awaitStarted(name);
          stub().awaitCancelled(name);
          failsWith(DEADLINE_EXCEEDED, call::get);
        });
  }

  private void cancellation() throws Exception {
    report.run(
        "a_cancelled_call_ends_its_handler",
        () -> {
          Name name = newName();
          ListenableFuture<Blob> call = futureStub().hang(name);
          stub().awaitStarted(name);
          call.cancel(true);
          stub().awaitCancelled(name);
        });
    report.run(
        "a_cancelled_stream_of_replies_ends_its_handler",
        () -> {
          Name name = newName();
          var call = stub().hangReplies(name);
          equal(call.read(), blob(0));
          cancel(name, call);
        });
    report.run(
        "a_cancelled_stream_of_requests_ends_its_handler",
        () -> {
          Name name = newName();
          var call = stub().hangRequests();
          call.write(name);
          cancel(name, call);
        });
    report.run(
        "a_cancelled_exchange_ends_its_handler",
        () -> {
          Name name = newName();
          var call = stub().hangExchange();
          call.write(name);
          equal(call.read(), blob(0));
          cancel(name, call);
        });
    report.run("a_cancelled_flood_leaves_the_connection_whole", this::flood);
  }

  /** Cancels a call that hangs; the server must see it, and the call must end with CANCELLED. */
  private void cancel(Name name, BlockingClientCall<?, Blob> call) throws Exception {
    stub().awaitStarted(name);
    call.cancel("enough", null);
    stub().awaitCancelled(name);
    failsWith(CANCELLED, call::read);
  }

  /** The client leaves in the middle of a stream that the server is still sending. */
  private void flood() throws Exception {
    for (int flood = 0; flood < 20; flood++) {
      var call = stub().produce(Count.newBuilder().setNumbers(10_000_000).build());
      for (int want = 0; want < 100; want++) {
        equal(call.read().getValue(), want);
      }
      call.cancel("enough", null);
    }
    equal(stub().echo(blob(0)), blob(0));
  }

  private void shutdown() throws Exception {
    // The last case: there is no server after it.
    report.run(
        "a_server_that_shuts_down_finishes_its_calls",
        () -> {
          var call = stub().exchange();
          call.write(blob(1));
          equal(call.read().getPayload().size(), 1);
          stub().shutDown(blob(0));
          // Until the client has heard of it, the server may still take a call.
          failsWith(
              UNAVAILABLE,
              () -> {
                while (true) {
                  stub().echo(blob(0));
                }
              });
          for (int length = 0; length < 100; length++) {
            Blob request = blob(length);
            call.write(request);
            equal(call.read(), request);
          }
          call.halfClose();
          equal(call.read(), null);
        });
  }

  // Every call that ought to end has a deadline, so that a lost answer fails a case and not the
  // suite.

  private InteropBlockingV2Stub stub() {
    return endless().withDeadlineAfter(30, SECONDS);
  }

  private InteropFutureStub futureStub() {
    return InteropGrpc.newFutureStub(channel).withDeadlineAfter(30, SECONDS);
  }

  private InteropBlockingV2Stub endless() {
    return InteropGrpc.newBlockingV2Stub(channel);
  }

  /** A call to a method that the stub does not have, in bytes. */
  private byte[] raw(String method, byte[] request) {
    var marshaller =
        new MethodDescriptor.Marshaller<byte[]>() {
          @Override
          public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
          }

          @Override
          public byte[] parse(InputStream stream) {
            try {
              return stream.readAllBytes();
            } catch (IOException error) {
              throw new UncheckedIOException(error);
            }
          }
        };
    var descriptor =
        MethodDescriptor.newBuilder(marshaller, marshaller)
            .setType(MethodType.UNARY)
            .setFullMethodName(method)
            .build();
    var options = CallOptions.DEFAULT.withDeadlineAfter(30, SECONDS);
    return ClientCalls.blockingUnaryCall(channel, descriptor, options, request);
  }

  /** A message of random bytes. */
  private static Blob blob(int length) {
    byte[] payload = new byte[length];
    new Random().nextBytes(payload);
    return Blob.newBuilder().setPayload(ByteString.copyFrom(payload)).build();
  }

  private static Failure.Builder failure(int code, String message) {
    return Failure.newBuilder().setCode(code).setMessage(message);
  }

  private static Total total(int numbers, long sum) {
    return Total.newBuilder().setNumbers(numbers).setSum(sum).build();
  }

  private static Name newName() {
    return Name.newBuilder().setName("java-" + UUID.randomUUID()).build();
  }
}
