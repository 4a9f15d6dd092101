package interop;

import com.google.protobuf.ByteString;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Serves interop.Interop with grpc-java: Server [TLS-CERT TLS-KEY].
 *
 * <p>Prints `listening on HOST:PORT` once it accepts, and serves until it is killed or told to shut
 * down.
 */
final class Server extends InteropGrpc.InteropImplBase {
  // A handler that hangs is woken by its call's end; this bounds the harm if that never comes.
  private static final long HANG_MILLIS = 60_000;

  private final Names started = new Names();
  private final Names cancelled = new Names();
  private io.grpc.Server server;

  public static void main(String[] args) throws Exception {
    ServerCredentials credentials =
        args.length == 0
            ? InsecureServerCredentials.create()
            : TlsServerCredentials.create(new File(args[0]), new File(args[1]));
    Server interop = new Server();
    interop.server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0), credentials)
            .addService((BindableService) interop)
            .intercept(new EchoMetadata())
            // So many pings that every case which waits has some.
            .keepAliveTime(100, TimeUnit.MILLISECONDS)
            .build()
            .start();
    System.out.println("listening on 127.0.0.1:" + interop.server.getPort());
    interop.server.awaitTermination();
  }

  @Override
  public void echo(Blob request, StreamObserver<Blob> replies) {
    answer(replies, request);
  }

  @Override
  public StreamObserver<Blob> exchange(StreamObserver<Blob> replies) {
    return new Requests<>(replies) {
      @Override
      public void onNext(Blob request) {
        replies.onNext(request);
      }
    };
  }

  @Override
  public void produce(Count request, StreamObserver<Number> observer) {
    var replies = (ServerCallStreamObserver<Number>) observer;
    ByteString padding = ByteString.copyFrom(new byte[request.getPaddingLen()]);
    int[] sent = {0};
    replies.setOnCancelHandler(() -> {});
    replies.setOnReadyHandler(
        () -> {
          while (replies.isReady() && sent[0] < request.getNumbers()) {
            replies.onNext(Number.newBuilder().setValue(sent[0]).setPadding(padding).build());
            sent[0] += 1;
            if (sent[0] == request.getNumbers()) {
              replies.onCompleted();
            }
          }
        });
    if (request.getNumbers() == 0) {
      replies.onCompleted();
    }
  }

  @Override
  public StreamObserver<Number> consume(StreamObserver<Total> reply) {
    Total.Builder total = Total.newBuilder();
    return new Requests<>(reply) {
      @Override
      public void onNext(Number number) {
        total.setNumbers(total.getNumbers() + 1).setSum(total.getSum() + number.getValue());
      }

      @Override
      public void onCompleted() {
        answer(reply, total.build());
      }
    };
  }

  @Override
  public void fail(Failure failure, StreamObserver<Blob> reply) {
    fail(reply, failure);
  }

  @Override
  public StreamObserver<Failure> failExchange(StreamObserver<Blob> replies) {
    return new Requests<>(replies) {
      private boolean failed;

      @Override
      public void onNext(Failure failure) {
        if (failed) {
          return;
        }
        failed = true;
        for (int reply = 0; reply < failure.getReplies(); reply++) {
          replies.onNext(Blob.getDefaultInstance());
        }
        fail(replies, failure);
      }
    };
  }

  private static void fail(StreamObserver<?> observer, Failure failure) {
    Metadata trailers = new Metadata();
    if (!failure.getDetails().isEmpty()) {
      trailers.put(bin("grpc-status-details-bin"), failure.getDetails().toByteArray());
    }
    Status status = Status.fromCodeValue(failure.getCode()).withDescription(failure.getMessage());
    observer.onError(status.asRuntimeException(trailers));
  }

  @Override
  public void timeLeft(Blob request, StreamObserver<Nap> reply) {
    var deadline = Context.current().getDeadline();
    long millis = deadline == null ? 0 : Math.max(0, deadline.timeRemaining(TimeUnit.MILLISECONDS));
    answer(reply, Nap.newBuilder().setMillis(millis).build());
  }

  @Override
  public void hang(Name name, StreamObserver<Blob> reply) {
    hanging(name);
  }

  @Override
  public void hangReplies(Name name, StreamObserver<Blob> replies) {
    hanging(name);
    replies.onNext(Blob.getDefaultInstance());
  }

  @Override
  public StreamObserver<Name> hangRequests(StreamObserver<Blob> reply) {
    return new Requests<>(reply) {
      @Override
      public void onNext(Name name) {
        hanging(name);
      }
    };
  }

  @Override
  public StreamObserver<Name> hangExchange(StreamObserver<Blob> replies) {
    return new Requests<>(replies) {
      @Override
      public void onNext(Name name) {
        hanging(name);
        replies.onNext(Blob.getDefaultInstance());
      }
    };
  }

  /** Reports a call as started, and as cancelled when it is. */
  private void hanging(Name name) {
    Context.current().addListener(context -> cancelled.add(name.getName()), Runnable::run);
    started.add(name.getName());
  }

  @Override
  public void awaitStarted(Name request, StreamObserver<Blob> reply) {
    started.await(request.getName());
    answer(reply, Blob.getDefaultInstance());
  }

  @Override
  public void awaitCancelled(Name request, StreamObserver<Blob> reply) {
    cancelled.await(request.getName());
    answer(reply, Blob.getDefaultInstance());
  }

  @Override
  public void shutDown(Blob request, StreamObserver<Blob> reply) {
    server.shutdown();
    answer(reply, Blob.getDefaultInstance());
  }

  private static <T> void answer(StreamObserver<T> observer, T reply) {
    observer.onNext(reply);
    observer.onCompleted();
  }

  static Metadata.Key<byte[]> bin(String key) {
    return Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER);
  }

  static Metadata.Key<String> text(String key) {
    return Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Adds the entries of `from` whose key has this prefix to `to`. */
  static void addSelected(Metadata from, String prefix, Metadata to) {
    for (String key : from.keys()) {
      if (key.startsWith(prefix) && key.endsWith("-bin")) {
        from.getAll(bin(key)).forEach(value -> to.put(bin(key), value));
      } else if (key.startsWith(prefix)) {
        from.getAll(text(key)).forEach(value -> to.put(text(key), value));
      }
    }
  }

  /** The requests of a stream whose end is the end of the replies. */
  private abstract static class Requests<T> implements StreamObserver<T> {
    private final StreamObserver<?> replies;

    Requests(StreamObserver<?> replies) {
      this.replies = replies;
    }

    @Override
    public void onCompleted() {
      replies.onCompleted();
    }

    @Override
    public void onError(Throwable cancelled) {}
  }

  /** Sends what a client sent with a key of `echo-` back to it; compresses the reply if asked to. */
  private static final class EchoMetadata implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata sent, ServerCallHandler<Q, R> next) {
      if (sent.containsKey(text("compressed"))) {
        call.setCompression("gzip");
      }
      return next.startCall(
          new SimpleForwardingServerCall<>(call) {
            @Override
            public void sendHeaders(Metadata headers) {
              addSelected(sent, "echo-initial-", headers);
              super.sendHeaders(headers);
            }

            @Override
            public void close(Status status, Metadata trailers) {
              addSelected(sent, "echo-trailing-", trailers);
              super.close(status, trailers);
            }
          },
          sent);
    }
  }

  /** A set of names that others can wait for. */
  private static final class Names {
    private final Set<String> names = new HashSet<>();

    synchronized void add(String name) {
      names.add(name);
      notifyAll();
    }

    synchronized void await(String name) {
      long end = System.currentTimeMillis() + HANG_MILLIS;
      try {
        while (!names.contains(name) && System.currentTimeMillis() < end) {
          wait(HANG_MILLIS);
        }
      } catch (InterruptedException cancelled) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
