"""Frames against Python's `h2`: random sessions, at a server and at a client.

A session is made up while `h2` takes part in it, so that the peer can say what makes sense; our end
then gets the same steps. After each step both tell what they made of it, in lines. A session ends
with the first difference, which must be one of `explained.DIFFERENCES`.
"""

from collections import Counter

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    InformationalResponseReceived,
    PingAckReceived,
    RequestReceived,
    ResponseReceived,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from h2.stream import StreamState

import explained
from frames import GOAWAY, PING, RST_STREAM, SETTINGS, Peer, kind_name
from hpack_blocks import Difference, encode_step
from judge import number, sized

BATCH_SESSIONS = 50
HEADER_LIST_BYTES = 2000


class Streams:
    """The streams that `h2` knows, for the peer to choose from."""

    def __init__(self, connection):
        self.all = sorted(connection.streams)
        self.open, self.bodies, self.headless = [], [], []
        for number, stream in connection.streams.items():
            machine = stream.state_machine
            if machine.state in (StreamState.OPEN, StreamState.HALF_CLOSED_LOCAL):
                self.open.append(number)
                (self.bodies if machine.headers_received else self.headless).append(number)


class Step:
    """What was done, and what `h2` made of it."""

    def __init__(self, what, lines, error, data=b""):
        self.what = what
        self.lines = lines
        self.error = error
        self.data = data


class Session:
    """`h2` on one side, a peer on the other."""

    def __init__(self, random, is_client):
        self.random = random
        self.is_client = is_client
        self.limits = {
            "streams": random.choice([2, 3, 100]),
            "window": random.choice([1000, 65535, 100000]),
            "table": random.choice([0, 100, 4096, 4096]),
        }
        self.peer = Peer(random, not is_client, self.limits["table"])
        self.connection = begin_h2(is_client, self.limits)
        self.steps = []
        self.is_over = False
        self.requests = {}

    def begin_step(self):
        """The step that starts our end with the same limits."""
        limits = [self.limits["streams"], 100, self.limits["window"], self.limits["table"], HEADER_LIST_BYTES]
        return (b"C" if self.is_client else b"S") + b"".join(map(number, limits))

    def run(self):
        """Makes the session up, as long as `h2` goes along."""
        random = self.random
        if self.is_client:
            for _ in range(random.randint(0, 2)):
                self.command()
        for data in self.peer.opening():
            self.receive(data)
        for _ in range(random.randint(2, 14)):
            if random.random() < 0.25:
                self.command()
                continue
            for data in self.peer.next_frames(Streams(self.connection)):
                if random.random() < 0.04:
                    data = self.peer.mutate(data, Streams(self.connection))
                self.receive(data)

    # ---- what the peer says ---------------------------------------------------------------

    def receive(self, data):
        """`h2` gets some bytes."""
        if self.is_over:
            return
        lines, error = [], None
        try:
            for event in self.connection.receive_data(data):
                lines += tell_event(event)
                self.is_over |= isinstance(event, ConnectionTerminated)
        except ProtocolError as problem:
            lines, error, self.is_over = [], problem, True
        lines += tell_output(self.connection.data_to_send())
        self.steps.append((b"r" + sized(data), Step(kind_name(data), lines, error, data)))

    # ---- what the owner does --------------------------------------------------------------

    def command(self):
        """`h2` is told to do something that it can do."""
        random, streams = self.random, self.connection.streams
        if self.is_over:
            return
        if self.is_client and (not streams or random.random() < 0.4):
            return self.open()
        live = [(id, stream) for id, stream in streams.items() if stream.state_machine.state in SENDING]
        if not live:
            return None
        id, stream = random.choice(live)
        if random.random() < 0.12:
            code = random.choice([1, 2, 8])
            return self.do(b"x" + number(id) + number(code), lambda h2: h2.reset_stream(id, code))
        ends = random.random() < 0.4
        end = b"e" if ends else b"m"
        if not stream.state_machine.headers_sent:
            fields = [(b":status", random.choice([b"200", b"200", b"103", b"404"])), (b"x", b"y")]
            ends = ends and fields[0][1] != b"103"
            end = b"e" if ends else b"m"
            step = b"h" + number(id) + end + encode_fields(fields)
            return self.do(step, lambda h2: h2.send_headers(id, fields, end_stream=ends))
        if random.random() < 0.2:
            fields = [(b"grpc-status", b"0")]
            step = b"t" + number(id) + encode_fields(fields)
            return self.do(step, lambda h2: h2.send_headers(id, fields, end_stream=True))
        data = bytes(random.choice([0, 1, 5]))
        if not data and not ends or self.connection.local_flow_control_window(id) < len(data):
            return None
        step = b"d" + number(id) + end + sized(data)
        return self.do(step, lambda h2: h2.send_data(id, data, end_stream=ends))

    def open(self):
        """A request."""
        method = self.random.choice([b"POST", b"POST", b"POST", b"GET", b"HEAD"])
        fields = [(b":method", method), (b":scheme", b"http"), (b":path", b"/a/b"), (b":authority", b"a")]
        ends = self.random.random() < 0.4
        id = self.connection.get_next_available_stream_id()
        step = b"o" + (b"e" if ends else b"m") + encode_fields(fields)
        return self.do(step, lambda h2: h2.send_headers(id, fields, end_stream=ends))

    def do(self, step, command):
        """A command, at both ends unless `h2` refuses it."""
        try:
            command(self.connection)
        except ProtocolError:
            return
        lines = tell_output(self.connection.data_to_send())
        self.steps.append((step, Step("command", lines, None, step)))


SENDING = (StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE)


def encode_fields(fields):
    """Fields of a command, all of them for the table."""
    return encode_step([(*field, ord("i")) for field in fields])[1:]


def begin_h2(is_client, limits):
    """A connection of `h2` that announces our limits."""
    config = H2Configuration(
        client_side=is_client,
        normalize_inbound_headers=False,
        normalize_outbound_headers=False,
        validate_outbound_headers=False,
    )
    connection = H2Connection(config)
    connection.local_settings = Settings(
        client=is_client,
        initial_values={
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.MAX_CONCURRENT_STREAMS: limits["streams"],
            SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_LIST_BYTES,
        },
    )
    connection.decoder.max_header_list_size = HEADER_LIST_BYTES
    connection.initiate_connection()
    # These hold when the peer has acknowledged them.
    connection.update_settings(
        {
            SettingCodes.INITIAL_WINDOW_SIZE: limits["window"],
            SettingCodes.HEADER_TABLE_SIZE: limits["table"],
        },
    )
    connection.data_to_send()
    return connection


# ---- what `h2` tells, in our words ------------------------------------------------------------


def tell_event(event):
    """The lines of an event."""
    if isinstance(event, (RequestReceived, ResponseReceived, InformationalResponseReceived)):
        ended = not isinstance(event, InformationalResponseReceived) and event.stream_ended
        return [f"headers {event.stream_id} {'end' if ended else 'more'}{tell_fields(event.headers)}"]
    if isinstance(event, TrailersReceived):
        return [f"trailers {event.stream_id} end{tell_fields(event.headers)}"]
    if isinstance(event, DataReceived):
        if not event.data and not event.stream_ended:
            return []
        return [f"data {event.stream_id} {'end' if event.stream_ended else 'more'} {event.data.hex()}"]
    if isinstance(event, StreamReset) and event.remote_reset:
        return [f"reset {event.stream_id} {int(event.error_code)}"]
    if isinstance(event, PingAckReceived):
        return [f"ping-ack {event.ping_data.hex()}"]
    if isinstance(event, ConnectionTerminated):
        return [f"go-away {event.last_stream_id} {int(event.error_code)}"]
    return []


def tell_fields(fields):
    """Pseudo-headers in one order, then the others, with the crumbs of a cookie put together (RFC 9113
    §8.2.3); `host` stands in for `:authority`."""
    pseudo = {name: value for name, value in fields if name[:1] == b":"}
    others = [(name, value) for name, value in fields if name[:1] != b":"]
    crumbs = [value for name, value in others if name == b"cookie"]
    if len(crumbs) > 1:
        first = next(at for at, field in enumerate(others) if field[0] == b"cookie")
        others = [field for field in others if field[0] != b"cookie"]
        others.insert(first, (b"cookie", b"; ".join(crumbs)))
    if b":authority" not in pseudo:
        hosts = [value for name, value in others if name == b"host"]
        pseudo.update({b":authority": hosts[0]} if hosts else {})
    first = [(name, pseudo[name]) for name in PSEUDO if name in pseudo]
    return "".join(f" {name.decode()}={value.hex()}" for name, value in first + others)


PSEUDO = [b":method", b":scheme", b":authority", b":path", b":status"]


def tell_output(output):
    """The frames of an output that say what its sender thinks of the peer's."""
    lines, position = [], 0
    while position < len(output):
        length = int.from_bytes(output[position : position + 3], "big")
        kind, flags = output[position + 3], output[position + 4]
        id = int.from_bytes(output[position + 5 : position + 9], "big")
        payload = output[position + 9 : position + 9 + length]
        position += 9 + length
        if kind == RST_STREAM:
            lines.append(f"< reset {id} {int.from_bytes(payload, 'big')}")
        elif kind == GOAWAY:
            lines.append(f"< go-away {int.from_bytes(payload[4:8], 'big')}")
        elif kind == SETTINGS and flags & 1:
            lines.append("< settings-ack")
        elif kind == PING and flags & 1:
            lines.append(f"< ping-ack {payload.hex()}")
    return lines


# ---- comparing --------------------------------------------------------------------------------


def server_shard(judge, random, count):
    """Sessions in which `h2` and we are servers."""
    return shard(judge, random, count, False)


def client_shard(judge, random, count):
    """Sessions in which `h2` and we are clients."""
    return shard(judge, random, count, True)


def shard(judge, random, count, is_client):
    """Some sessions, compared."""
    seen = Counter()
    for done in range(count):
        session = Session(random, is_client)
        session.run()
        ask(judge, session, seen)
        if done % BATCH_SESSIONS == 0:
            judge.flush()
    judge.flush()
    return seen


def ask(judge, session, seen):
    """Lets our end go through a session."""
    seen["sessions"] += 1
    judge.tell(session.begin_step())
    past, is_over = [], [False]

    def check(step):
        def check_answer(answer):
            if is_over[0]:
                return
            seen["steps"] += 1
            is_over[0] = not agree(session, past, step, answer.decode(), seen)
            past.append(step)

        return check_answer

    for encoded, step in session.steps:
        judge.ask(encoded, check(step))


def agree(session, past, step, answer, seen):
    """Whether both ends make the same of a step and go on; raises if the difference has no reason."""
    lines = answer.splitlines()
    ours = [line for line in lines if not line.startswith("why ")]
    if ours == step.lines:
        is_error = any(line.startswith("< go-away") for line in ours)
        is_reset = any(line.startswith("< reset") for line in ours) and step.what != "command"
        seen["same connection errors"] += is_error
        seen["same stream errors"] += is_reset and not is_error
        return not is_error
    why = " ".join(line[4:] for line in lines if line.startswith("why "))
    case = explained.Case(session, past, step, ours, why)
    name = explained.name(case)
    if name is None:
        raise Difference(case.describe())
    seen[f"explained: {name}"] += 1
    return False
