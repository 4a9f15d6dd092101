// The service of interop.proto, as grpc-js wants it.

import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

// interop/run copies it here.
const file = fileURLToPath(new URL('interop.proto', import.meta.url));
const definition = loadSync(file, { longs: Number, defaults: true });

export const { Interop } = grpc.loadPackageDefinition(definition).interop;

// A copy of the entries whose key has this prefix.
export function selected(metadata, prefix) {
  const copy = new grpc.Metadata();
  for (const key of Object.keys(metadata.getMap()).filter((key) => key.startsWith(prefix))) {
    for (const value of metadata.get(key)) copy.add(key, value);
  }
  return copy;
}
