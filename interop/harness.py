"""Runs cases and says how each went: `ok NAME` or `FAILED NAME: why`."""

import threading
import traceback

import grpc

# No case takes a tenth of it on a slow machine.
CASE_SECONDS = 60
# Every call that ought to end carries it, so that a lost answer fails a case and not the suite.
CALL_SECONDS = 30

_cases = []


def case(function):
    """Marks a function as a case; its name is the sentence that it checks."""
    _cases.append(function)
    return function


def run(prefix, target):
    """Runs all cases in the order they were defined; false if one failed."""
    # One after another: a case that hangs must not slow down the others.
    outcomes = [_run_one(prefix, function, target) for function in _cases]
    return all(outcomes)


def _run_one(prefix, function, target):
    name = f"{prefix}/{function.__name__}"
    why = []

    def body():
        try:
            function(target)
        except BaseException as error:  # A case may fail in any way; all of them are a verdict.
            why.append(_in_one_line(error))

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(CASE_SECONDS)
    if thread.is_alive():
        why.append(f"not done after {CASE_SECONDS} s")
    print(f"FAILED {name}: {why[0]}" if why else f"ok {name}", flush=True)
    return not why


def _in_one_line(error):
    if isinstance(error, grpc.RpcError) and hasattr(error, "code"):
        text = f"{error.code()} {error.details()!r}"
    else:
        text = f"{type(error).__name__}: {error}"
    line = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in line if "case_" in frame.filename]
    where = f" (line {own[-1].lineno})" if own else ""
    return " ".join(text.split()) + where


def equal(got, want):
    """Fails the case unless the two are equal."""
    if got != want:
        raise AssertionError(f"got {_short(got)}, want {_short(want)}")


def check(holds, why):
    """Fails the case with `why` unless the condition holds."""
    if not holds:
        raise AssertionError(why)


def fails_with(code, call):
    """Runs `call`, which must fail with `code`, and returns the error."""
    try:
        got = call()
    except grpc.RpcError as error:
        equal(error.code(), code)
        return error
    raise AssertionError(f"got {_short(got)}, want {code}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"
