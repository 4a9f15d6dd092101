// Calls a server with grpc-js and says how each case went: client.mjs HOST:PORT PREFIX [CA]

import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import grpc, { compressionAlgorithms, status } from '@grpc/grpc-js';

import { check, equal, failsWith, run } from './harness.mjs';
import { Interop, selected } from './interop.mjs';

const MEBIBYTE = 1 << 20;
const ALL_BYTES = Buffer.from([...Array(256).keys()]);
const UNICODE = '\t\nno such 飛脚 ☺ 😈 100 %\r\n';

const [address, prefix, ca] = process.argv.slice(2);

function connect(options) {
  const credentials = ca
    ? grpc.credentials.createSsl(readFileSync(ca))
    : grpc.credentials.createInsecure();
  // Without a pool of its own, a client shares its connection with the others.
  options = { ...options, 'grpc.use_local_subchannel_pool': 1 };
  return new Interop(address, credentials, options);
}

// So many pings that every case which waits has some.
const stub = connect({ 'grpc.keepalive_time_ms': 100 });

// Every call that ought to end carries it, so that a lost answer fails a case and not the suite.
const within = (seconds = 30) => ({ deadline: Date.now() + seconds * 1000 });

// A unary call: its reply, and the metadata around it.
function unary(method, request, options = within()) {
  const { on = stub, metadata = new grpc.Metadata() } = options;
  return new Promise((resolve, reject) => {
    const outcome = {};
    const call = on[method](request, metadata, options, (error, reply) => {
      if (error) reject(error);
      else outcome.reply = reply;
    });
    call.on('metadata', (initial) => (outcome.initial = initial));
    call.on('status', ({ metadata }) => resolve({ ...outcome, trailing: metadata }));
  });
}

const echo = async (payload) => (await unary('echo', { payload })).reply.payload;

// Sends the requests over a call and collects the replies.
async function exchange(requests, call = stub.exchange(within())) {
  Readable.from(requests).pipe(call);
  return call.toArray();
}

function consume(numbers) {
  return new Promise((resolve, reject) => {
    const call = stub.consume(within(), (error, reply) => (error ? reject(error) : resolve(reply)));
    Readable.from(numbers).pipe(call);
  });
}

// A call to a method that the stub does not have, in bytes.
function raw(path, bytes) {
  const same = (value) => value;
  return new Promise((resolve, reject) => {
    stub.makeUnaryRequest(path, same, same, bytes, within(), (error, reply) =>
      error ? reject(error) : resolve(reply));
  });
}

const statusOf = (call) => new Promise((resolve) => call.on('status', resolve));

const next = async (replies) => (await replies.next()).value;

const newName = () => ({ name: `js-${randomUUID()}` });

// Cancels a call that hangs; the server must see it, and the call must end with CANCELLED.
async function cancel(name, call) {
  call.on('error', () => {});
  const ended = statusOf(call);
  await unary('awaitStarted', name);
  call.cancel();
  await unary('awaitCancelled', name);
  equal((await ended).code, status.CANCELLED);
}

async function comeBack(lengths) {
  const requests = lengths.map((length) => ({ payload: randomBytes(length) }));
  equal(await exchange(requests), requests);
}

function sentMetadata() {
  const metadata = new grpc.Metadata();
  metadata.add('echo-initial-text', 'plain text, with = and ~');
  metadata.add('echo-initial-twice', 'first');
  metadata.add('echo-initial-twice', 'second');
  metadata.add('echo-initial-all-bin', ALL_BYTES);
  metadata.add('echo-initial-short-bin', Buffer.from([0xab]));
  metadata.add('echo-trailing-text', 'after');
  metadata.add('echo-trailing-all-bin', Buffer.from(ALL_BYTES).reverse());
  metadata.add('echo-trailing-empty-bin', Buffer.alloc(0));
  return metadata;
}

function checkMetadata(sent, initial, trailing) {
  for (const [got, prefix] of [[initial, 'echo-initial-'], [trailing, 'echo-trailing-']]) {
    const want = selected(sent, prefix);
    const keys = Object.keys(want.getMap());
    equal(Object.keys(selected(got, 'echo-').getMap()).sort(), keys.sort());
    // One field with both values is as good as two, and what grpc-js makes of them.
    for (const key of keys) equal(joined(got.get(key)), joined(want.get(key)));
  }
}

const joined = (values) => (typeof values[0] === 'string' ? [values.join(', ')] : values);

const cases = {
  // Messages

  async an_empty_message_comes_back() {
    equal(await echo(Buffer.alloc(0)), Buffer.alloc(0));
  },

  async one_mebibyte_comes_back() {
    const payload = randomBytes(MEBIBYTE);
    equal(await echo(payload), payload);
  },

  async one_mebibyte_messages_come_back_in_a_stream() {
    await comeBack(Array(16).fill(MEBIBYTE));
  },

  async messages_of_all_lengths_come_back_in_a_stream() {
    await comeBack([0, 1, 126, 127, 128, 16_378, 16_379, 16_384, 65_535, 65_536, 300_000]);
  },

  async a_message_over_the_limit_is_refused() {
    await failsWith(status.RESOURCE_EXHAUSTED, echo(Buffer.alloc(5 * MEBIBYTE)));
  },

  async a_compressed_message_comes_back() {
    const other = connect({ 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const metadata = new grpc.Metadata();
    metadata.set('compressed', 'gzip');
    const payload = Buffer.alloc(100_000);
    const { reply } = await unary('echo', { payload }, { ...within(), on: other, metadata });
    equal(reply.payload, payload);
    other.close();
  },

  // Streams

  async the_server_sends_ten_thousand() {
    const replies = await stub.produce({ numbers: 10_000 }, within()).toArray();
    equal(replies.map(({ value }) => value), [...Array(10_000).keys()]);
  },

  async the_client_sends_ten_thousand() {
    const numbers = Array.from({ length: 10_000 }, (_, value) => ({ value }));
    equal(await consume(numbers), { numbers: 10_000, sum: (10_000 * 9_999) / 2 });
  },

  async both_send_ten_thousand() {
    await comeBack(Array(10_000).fill(8));
  },

  async streams_may_be_empty() {
    equal(await stub.produce({}, within()).toArray(), []);
    equal(await consume([]), { numbers: 0, sum: 0 });
    equal(await exchange([]), []);
  },

  async many_calls_share_a_connection() {
    const payloads = Array.from({ length: 500 }, (_, number) => Buffer.alloc(3000, number));
    equal(await Promise.all(payloads.map(echo)), payloads);
  },

  // More than every window and buffer holds waits for a reader that has other calls to make.
  async a_slow_reader_gets_everything_and_holds_up_nobody() {
    const errand = randomBytes(65_536);
    let want = 0;
    for await (const reply of stub.produce({ numbers: 10_000, paddingLen: 1000 }, within())) {
      equal([reply.value, reply.padding.length], [want, 1000]);
      if (want % 100 === 0) equal(await echo(errand), errand);
      want += 1;
    }
    equal(want, 10_000);
  },

  // Metadata

  async metadata_goes_both_ways() {
    const sent = sentMetadata();
    const { initial, trailing } = await unary('echo', {}, { ...within(), metadata: sent });
    checkMetadata(sent, initial, trailing);
  },

  async metadata_goes_both_ways_around_a_stream() {
    const sent = sentMetadata();
    const call = stub.exchange(sent, within());
    const [initial, ended] = [once(call, 'metadata'), statusOf(call)];
    const messages = ['one', 'two'].map((text) => ({ payload: Buffer.from(text) }));
    equal(await exchange(messages, call), messages);
    checkMetadata(sent, (await initial)[0], (await ended).metadata);
  },

  async four_kilobytes_of_metadata_come_back() {
    const sent = new grpc.Metadata();
    sent.add('echo-initial-long', 'x'.repeat(4096));
    const { initial } = await unary('echo', {}, { ...within(), metadata: sent });
    equal(initial.get('echo-initial-long'), ['x'.repeat(4096)]);
  },

  // Errors

  async every_code_arrives_with_its_message() {
    for (let code = 1; code <= 16; code++) {
      const error = await failsWith(code, unary('fail', { code, message: `as ${code}` }));
      equal(error.details, `as ${code}`);
    }
  },

  async a_message_may_hold_any_character() {
    const request = { code: status.FAILED_PRECONDITION, message: UNICODE };
    const error = await failsWith(status.FAILED_PRECONDITION, unary('fail', request));
    equal(error.details, UNICODE);
  },

  async an_error_carries_its_details() {
    const request = { code: status.RESOURCE_EXHAUSTED, details: ALL_BYTES };
    const error = await failsWith(status.RESOURCE_EXHAUSTED, unary('fail', request));
    equal(error.metadata.get('grpc-status-details-bin'), [ALL_BYTES]);
  },

  // The server fails while the client may still send.
  async an_error_ends_a_stream_after_its_replies() {
    const call = stub.failExchange(within());
    const replies = call[Symbol.asyncIterator]();
    call.write({ code: status.NOT_FOUND, message: UNICODE, replies: 3 });
    for (let reply = 0; reply < 3; reply++) equal((await replies.next()).done, false);
    const error = await failsWith(status.NOT_FOUND, replies.next());
    equal(error.details, UNICODE);
  },

  async an_unknown_method_is_unimplemented() {
    await failsWith(status.UNIMPLEMENTED, raw('/interop.Interop/Missing', Buffer.alloc(0)));
  },

  async an_unknown_service_is_unimplemented() {
    await failsWith(status.UNIMPLEMENTED, raw('/interop.Missing/Echo', Buffer.alloc(0)));
  },

  async bytes_that_are_no_message_fail_the_call_alone() {
    await failsWith(status.INTERNAL, raw('/interop.Interop/Echo', Buffer.from([255, 255, 255])));
    equal(await echo(Buffer.from('on')), Buffer.from('on'));
  },

  // Deadlines

  async the_server_knows_the_deadline() {
    const { millis } = (await unary('timeLeft', {}, within(20))).reply;
    check(15_000 < millis && millis <= 20_100, `${millis} ms left of 20 s`);
    equal((await unary('timeLeft', {}, {})).reply, { millis: 0 });
  },

  async a_deadline_ends_a_call() {
    await failsWith(status.DEADLINE_EXCEEDED, unary('hang', newName(), within(0.3)));
  },

  async a_deadline_ends_a_stream_that_has_begun() {
    const replies = stub.hangReplies(newName(), within(1))[Symbol.asyncIterator]();
    equal((await replies.next()).done, false);
    await failsWith(status.DEADLINE_EXCEEDED, replies.next());
  },

  async a_deadline_ends_the_handler() {
    const name = newName();
    const call = failsWith(status.DEADLINE_EXCEEDED, unary('hang', name, within(1)));
    await unary('awaitStarted', name);
    await unary('awaitCancelled', name);
    await call;
  },

  // Cancellation

  async a_cancelled_call_ends_its_handler() {
    const name = newName();
    await cancel(name, stub.hang(name, () => {}));
  },

  async a_cancelled_stream_of_replies_ends_its_handler() {
    const name = newName();
    const call = stub.hangReplies(name);
    await once(call, 'data');
    await cancel(name, call);
  },

  async a_cancelled_stream_of_requests_ends_its_handler() {
    const name = newName();
    const call = stub.hangRequests(() => {});
    call.write(name);
    await cancel(name, call);
  },

  async a_cancelled_exchange_ends_its_handler() {
    const name = newName();
    const call = stub.hangExchange();
    call.write(name);
    await once(call, 'data');
    await cancel(name, call);
  },

  // The client leaves in the middle of a stream that the server is still sending.
  async a_cancelled_flood_leaves_the_connection_whole() {
    for (let flood = 0; flood < 20; flood++) {
      const call = stub.produce({ numbers: 10_000_000 });
      const replies = call[Symbol.asyncIterator]();
      for (let value = 0; value < 100; value++) equal((await next(replies)).value, value);
      call.cancel();
      await failsWith(status.CANCELLED, drained(replies));
    }
    equal(await echo(Buffer.from('on')), Buffer.from('on'));
  },

  // The last case: there is no server after it.

  async a_server_that_shuts_down_finishes_its_calls() {
    // Without keepalive: after a GOAWAY, node cannot ping, which ends the calls of grpc-js.
    const other = connect();
    const requests = new PassThrough({ objectMode: true });
    const call = requests.pipe(other.exchange(within()));
    const replies = call[Symbol.asyncIterator]();
    requests.write({ payload: Buffer.from('before') });
    equal(await next(replies), { payload: Buffer.from('before') });
    await unary('shutDown', {}, { ...within(), on: other });
    // Until the client has heard of it, the server may still take a call.
    const calls = forever(() => unary('echo', {}, { ...within(), on: other }));
    await failsWith(status.UNAVAILABLE, calls);
    for (let number = 0; number < 100; number++) {
      const message = { payload: Buffer.from([number]) };
      requests.write(message);
      equal(await next(replies), message);
    }
    requests.end();
    equal(await next(replies), undefined);
  },
};

async function forever(body) {
  for (;;) await body();
}

async function drained(replies) {
  for await (const _ of replies);
}

process.exit((await run(prefix, cases)) ? 0 : 1);
