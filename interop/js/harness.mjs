// Runs cases and says how each went: `ok NAME` or `FAILED NAME: why`.

import { inspect, isDeepStrictEqual } from 'node:util';
import { status } from '@grpc/grpc-js';

// No case takes a tenth of it on a slow machine.
const CASE_SECONDS = 60;

// Runs all cases in their order; false if one failed.
export async function run(prefix, cases) {
  let passed = true;
  for (const [name, body] of Object.entries(cases)) {
    const why = await outcome(body);
    console.log(why === null ? `ok ${prefix}/${name}` : `FAILED ${prefix}/${name}: ${why}`);
    passed &&= why === null;
  }
  return passed;
}

async function outcome(body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${CASE_SECONDS} s`)),
      CASE_SECONDS * 1000);
  });
  try {
    await Promise.race([body(), late]);
    return null;
  } catch (error) {
    const line = /client\.mjs:\d+/.exec(error.stack ?? '')?.[0] ?? '';
    return `${error.message ?? error} ${line}`.replace(/\s+/g, ' ');
  } finally {
    clearTimeout(timer);
  }
}

// Fails the case unless the two are equal.
export function equal(got, want) {
  if (!isDeepStrictEqual(got, want)) throw new Error(`got ${short(got)}, want ${short(want)}`);
}

// Fails the case with `why` unless the condition holds.
export function check(holds, why) {
  if (!holds) throw new Error(why);
}

// Awaits what must fail with `code`, and returns the error.
export async function failsWith(code, promise) {
  let got;
  try {
    got = await promise;
  } catch (error) {
    equal(status[error.code] ?? error.message, status[code]);
    return error;
  }
  throw new Error(`got ${short(got)}, want ${status[code]}`);
}

function short(value) {
  const text = inspect(value, { breakLength: Infinity });
  return text.length <= 200 ? text : `${text.slice(0, 200)}... (${text.length} characters)`;
}
