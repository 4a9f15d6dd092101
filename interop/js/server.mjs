// Serves interop.Interop with grpc-js: server.mjs [TLS-CERT TLS-KEY]
//
// Prints `listening on HOST:PORT` once it accepts, and serves until it is killed or told to shut
// down.

import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import grpc from '@grpc/grpc-js';

import { Interop, selected } from './interop.mjs';

const initial = (call) => selected(call.metadata, 'echo-initial-');
const trailing = (call) => selected(call.metadata, 'echo-trailing-');

const service = {
  echo(call, callback) {
    call.sendMetadata(initial(call));
    callback(null, call.request, trailing(call));
  },

  exchange(call) {
    call.sendMetadata(initial(call));
    call.pipe(call, { end: false });
    call.on('end', () => call.end(trailing(call)));
  },

  produce(call) {
    Readable.from(numbers(call.request)).pipe(call);
  },

  async consume(call, callback) {
    const total = { numbers: 0, sum: 0 };
    for await (const { value } of call) {
      total.numbers += 1;
      total.sum += value;
    }
    callback(null, total);
  },

  fail(call, callback) {
    callback(statusOf(call.request));
  },

  failExchange(call) {
    call.once('data', (failure) => {
      for (let reply = 0; reply < failure.replies; reply++) call.write({});
      call.emit('error', statusOf(failure));
    });
  },

  timeLeft(call, callback) {
    const deadline = call.getDeadline();
    const millis = deadline === Infinity ? 0 : Math.max(0, deadline - Date.now());
    callback(null, { millis });
  },

  hang(call) {
    hanging(call, call.request);
  },

  hangReplies(call) {
    hanging(call, call.request);
    call.write({});
  },

  hangRequests(call) {
    call.once('data', (request) => hanging(call, request));
  },

  hangExchange(call) {
    call.once('data', (request) => {
      hanging(call, request);
      call.write({});
    });
  },

  async awaitStarted(call, callback) {
    await started.has(call.request.name);
    callback(null, {});
  },

  async awaitCancelled(call, callback) {
    await cancelled.has(call.request.name);
    callback(null, {});
  },

  shutDown(_call, callback) {
    callback(null, {});
    server.tryShutdown(() => {});
  },
};

function* numbers({ numbers, paddingLen }) {
  const padding = Buffer.alloc(paddingLen);
  for (let value = 0; value < numbers; value++) yield { value, padding };
}

function statusOf({ code, message, details }) {
  const metadata = new grpc.Metadata();
  if (details.length > 0) metadata.set('grpc-status-details-bin', details);
  return { code, details: message, metadata };
}

// A set of names that others can wait for.
class Names {
  #names = new Set();
  #added = new EventEmitter().setMaxListeners(0);

  add(name) {
    this.#names.add(name);
    this.#added.emit(name);
  }

  async has(name) {
    if (!this.#names.has(name)) await once(this.#added, name);
  }
}

const started = new Names();
const cancelled = new Names();

// Reports a call as started, and as cancelled when it is.
function hanging(call, { name }) {
  call.on('cancelled', () => cancelled.add(name));
  started.add(name);
}

const [certFile, keyFile] = process.argv.slice(2);
const credentials = certFile
  ? grpc.ServerCredentials.createSsl(null, [
      { cert_chain: readFileSync(certFile), private_key: readFileSync(keyFile) },
    ])
  : grpc.ServerCredentials.createInsecure();

const server = new grpc.Server();
server.addService(Interop.service, service);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
