"""Our end, as a program that answers batches of steps: see conformance/src/differential/mod.rs."""

import struct
import subprocess

_U32 = struct.Struct(">I")


def number(value):
    """A number of a step."""
    return _U32.pack(value)


def sized(data):
    """Bytes of a step, their count in front of them."""
    return _U32.pack(len(data)) + data


class Judge:
    """Gathers steps, sends them in batches, and gives each answer to whoever asked."""

    def __init__(self, program, subject):
        self._subject = subject
        self._program = subprocess.Popen(
            [program, "differential"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._steps = [subject]
        self._asked = []

    def tell(self, step):
        """A step that is not answered."""
        self._steps.append(step)

    def ask(self, step, check):
        """A step whose answer `check` gets at the next `flush`."""
        self._steps.append(step)
        self._asked.append(check)

    def flush(self):
        """Sends the batch, and hands out the answers."""
        steps, asked = b"".join(self._steps), self._asked
        self._steps, self._asked = [self._subject], []
        self._program.stdin.write(sized(steps))
        self._program.stdin.flush()
        (length,) = _U32.unpack(self._read(4))
        answer, position = self._read(length), 0
        for check in asked:
            (length,) = _U32.unpack_from(answer, position)
            position += 4
            check(answer[position : position + length])
            position += length
        if position != len(answer):
            raise AssertionError("more answers than questions")

    def close(self):
        """Ends the program."""
        self._program.stdin.close()
        if self._program.wait() != 0:
            raise AssertionError("our end failed")

    def _read(self, length):
        data = self._program.stdout.read(length)
        if len(data) != length:
            raise AssertionError("our end is gone: it has panicked or refused a batch")
        return data


def sized_parts(data):
    """The parts of an answer that have their counts in front of them."""
    parts, position = [], 0
    while position < len(data):
        (length,) = _U32.unpack_from(data, position)
        position += 4
        parts.append(data[position : position + length])
        position += length
    return parts
