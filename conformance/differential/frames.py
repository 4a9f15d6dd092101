"""Random frames of one peer, mostly good ones: what it says is chosen by what the other end is at.

`Peer.next_frames` gives the frames of one action; `mutate` damages one.
"""

from hpack import Encoder

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
KIND_NAMES = [
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
    "WINDOW_UPDATE", "CONTINUATION",
]  # fmt: skip
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload):
    """The bytes of a frame."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def kind_name(data):
    """What the head of a frame says that it is."""
    if len(data) < 9:
        return "PART"
    kind = data[3]
    return KIND_NAMES[kind] if kind < len(KIND_NAMES) else "EXTENSION"


def u16(value):
    """Two bytes."""
    return value.to_bytes(2, "big")


def u32(value):
    """Four bytes."""
    return value.to_bytes(4, "big")


REQUEST = [
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a.B/C"), (b":authority", b"a:1"),
    (b"te", b"trailers"), (b"content-type", b"application/grpc"),
]  # fmt: skip
EXTRA = [
    (b"x", b"y"), (b"cookie", b"a=b"), (b"cookie", b"c=d"), (b"empty", b""), (b"host", b"a:1"),
    (b"grpc-timeout", b"1S"), (b"user-agent", b"z" * 40), (b"k-bin", b"AAEC"),
]  # fmt: skip
TRAILERS = [(b"grpc-status", b"0"), (b"grpc-message", b"fine")]
BAD_FIELDS = [
    (b"Upper", b"a"), (b"", b"a"), (b"sp ace", b"a"), (b"a:b", b"c"), (b"nul", b"a\0b"),
    (b"cr", b"a\rb"), (b"lf", b"a\nb"), (b"lead", b" a"), (b"trail", b"a\t"), (b"te", b"gzip"),
    (b"connection", b"close"), (b"keep-alive", b"1"), (b"transfer-encoding", b"chunked"),
    (b"upgrade", b"h2c"), (b"proxy-connection", b"x"), (b":unknown", b"a"), (b":status", b"200"),
    (b":path", b"/twice"), (b":method", b"GET"), (b":protocol", b"websocket"), (b"content-length", b"5"),
    (b"content-length", b"0"), (b"content-length", b"x"), (b"content-length", b"+5"),
    (b"content-length", b"5, 5"), (b"content-length", b"99999999999999999999"), (b"host", b"other"),
    (b"host", b"A:1"), (b"host", b"u@a:1"), (b"na(me", b"a"), (b"na\x7fme", b"a"), (b"na\xe9", b"a"),
    (b"latin", b"\xe9"), (b"ctl", b"a\x01b"), (b"long", b"v" * 3000),
]  # fmt: skip
BAD_VALUES = {
    b":method": [b"", b"GE T", b"CONNECT", b"HEAD", b"OPTIONS", b"\xe9"],
    b":scheme": [b"", b"1http", b"http:", b"https"],
    b":path": [b"", b"*", b"a/b", b"/a b", b"/\xe9", b"/a#b"],
    b":authority": [b"", b"u@a:1", b"a b", b"A:1"],
    b":status": [b"", b"20", b"2000", b"abc", b"101", b"100", b"099", b"204", b"304", b"103", b"599", b"999"],
}


class Peer:
    """The other end of a session: what it has said so far, and what it says next."""

    def __init__(self, random, is_client, table_length):
        self.random = random
        self.is_client = is_client
        self.encoder = Encoder()
        # What the other end announces; holds once this one has acknowledged it.
        self.table_length = table_length
        self.next_stream = 1

    # ---- the opening ----------------------------------------------------------------------

    def opening(self):
        """The preface of a client, and the first SETTINGS."""
        random = self.random
        parts = []
        if self.is_client:
            preface = PREFACE
            if random.random() < 0.01:
                preface = bytearray(PREFACE)
                preface[random.randrange(24)] ^= 1 << random.randrange(8)
                preface = bytes(preface)
            parts.append(preface)
        if random.random() < 0.98:
            parts.append(self.settings())
            if random.random() < 0.9:
                parts.append(self.ack())
        return parts

    # ---- one action -----------------------------------------------------------------------

    def next_frames(self, streams):
        """The frames of the next action. `streams` has the open ones, and all there ever were."""
        random = self.random
        actions = [
            (self.open if self.is_client else self.answer, 8), (self.data, 8), (self.trailers, 4),
            (self.reset, 1.5), (self.window_update, 3), (self.ping, 1.5), (self.settings_or_ack, 1.5),
            (self.priority, 1), (self.go_away, 0.3), (self.extension, 1), (self.push, 0.3),
            (self.continuation, 0.3),
        ]  # fmt: skip
        act = random.choices([act for act, _ in actions], [weight for _, weight in actions])[0]
        made = act(streams)
        return made if isinstance(made, list) else [made]

    def pick(self, streams, wanted):
        """Mostly one of the wanted streams; now and then any number."""
        random = self.random
        choice = random.random()
        if wanted and choice < 0.88:
            return random.choice(wanted)
        if streams.all and choice < 0.96:
            return random.choice(streams.all)
        return random.choice([0, 1, 2, 3, 4, 5, 7, 9, 99, self.next_stream, 0x7FFFFFFF, 0x80000001])

    # ---- frames ---------------------------------------------------------------------------

    def open(self, streams):
        """A request."""
        random = self.random
        stream = self.next_stream
        if random.random() < 0.04:
            stream = self.pick(streams, [])
        self.next_stream = max(self.next_stream, (stream & 0x7FFFFFFF) | 1) + 2
        fields = self.damage_fields(REQUEST + random.sample(EXTRA, random.randint(0, 3)))
        return self.header_block(stream, fields, random.random() < 0.4)

    def answer(self, streams):
        """A response, or word that one will follow."""
        random = self.random
        status = random.choice([b"200"] * 8 + [b"103", b"100", b"404", b"204", b"304", b"302"])
        fields = [(b":status", status)] + random.sample(EXTRA, random.randint(0, 3))
        if not streams.headless and random.random() < 0.9:
            return []
        stream = self.pick(streams, streams.headless or streams.open)
        ends = random.random() < (0.02 if status[:1] == b"1" else 0.3)
        return self.header_block(stream, self.damage_fields(fields), ends)

    def trailers(self, streams):
        """The end of a body."""
        random = self.random
        if not streams.bodies and random.random() < 0.9:
            return []
        fields = self.damage_fields(TRAILERS[: random.randint(0, 2)])
        stream = self.pick(streams, streams.bodies)
        return self.header_block(stream, fields, random.random() < 0.95)

    def damage_fields(self, fields):
        """The list as it is, or one that no good peer sends."""
        random = self.random
        if random.random() > 0.1:
            return fields
        fields = list(fields)
        choice = random.random()
        if choice < 0.5:
            fields.insert(random.randint(0, len(fields)), random.choice(BAD_FIELDS))
        elif choice < 0.6:
            fields.append(random.choice(BAD_FIELDS))
        elif choice < 0.7 and fields:
            del fields[random.randrange(len(fields))]
        elif choice < 0.8:
            random.shuffle(fields)
        elif choice < 0.95 and fields:
            at = random.randrange(len(fields))
            name = fields[at][0]
            fields[at] = name, random.choice(BAD_VALUES.get(name, [b"v" * 500]))
        else:
            fields.extend([(b"many", b"v" * 100)] * 20)
        return fields

    def header_block(self, stream, fields, ends):
        """HEADERS, and CONTINUATION if it is cut."""
        random = self.random
        block = self.encoder.encode(fields, huffman=random.random() < 0.7)
        if random.random() < 0.01:
            block += random.choice([b"\x80", b"\xff\xff\xff", b"\x40\x85a", b"\x3f\xff\xff\x7f", b"\xc5"])
        pieces = [block]
        if random.random() < 0.12:
            cuts = sorted(random.randint(0, len(block)) for _ in range(random.randint(1, 3)))
            edges = [0, *cuts, len(block)]
            pieces = [block[a:b] for a, b in zip(edges, edges[1:])]
        flags = END_STREAM if ends else 0
        prefix, suffix = b"", b""
        if random.random() < 0.08:
            flags |= HAS_PRIORITY
            prefix = self.priority_bytes(stream)
        if random.random() < 0.08:
            flags |= PADDED
            padding = random.choice([0, 1, 7, 255])
            prefix, suffix = bytes([padding]) + prefix, bytes(padding)
        last = len(pieces) - 1
        frames = [frame(HEADERS, flags | (END_HEADERS if last == 0 else 0), stream, prefix + pieces[0] + suffix)]
        for at, piece in enumerate(pieces[1:], 1):
            frames.append(frame(CONTINUATION, END_HEADERS if at == last else 0, stream, piece))
        if last and random.random() < 0.08:
            frames.insert(random.randint(1, last), self.ping(None))
        return frames

    def priority_bytes(self, stream):
        """What PRIORITY and HEADERS say of it."""
        random = self.random
        dependency = stream if random.random() < 0.05 else random.choice([0, 1, 3, 99, 0x80000000])
        return u32(dependency & 0xFFFFFFFF) + random.randbytes(1)

    def data(self, streams):
        """A piece of a body."""
        random = self.random
        if not streams.bodies and random.random() < 0.9:
            return []
        flags = END_STREAM if random.random() < 0.25 else 0
        length = random.choice([0, 1, 5, 5, 5, 20, 300, 900, 1001, 16384])
        payload = bytes(length)
        if random.random() < 0.12:
            flags |= PADDED
            padding = random.choice([0, 1, 10, 255])
            payload = bytes([padding]) + payload[: 16384 - 1 - padding] + bytes(padding)
        return frame(DATA, flags, self.pick(streams, streams.bodies), payload)

    def reset(self, streams):
        """RST_STREAM."""
        code = self.random.choice([0, 1, 5, 7, 8, 8, 8, 11, 0xFFFFFFFF])
        return frame(RST_STREAM, 0, self.pick(streams, streams.open), u32(code))

    def window_update(self, streams):
        """Credit for a stream or for all."""
        random = self.random
        stream = 0 if random.random() < 0.4 else self.pick(streams, streams.open)
        increment = random.choice([1, 5, 1000, 65535, 65535, 0x7FFFFFFF, 0x7FFF0000, 0, 0x80000001])
        if random.random() < 0.7:
            increment = random.choice([1, 5, 1000, 65535])
        return frame(WINDOW_UPDATE, 0, stream, u32(increment))

    def ping(self, _streams):
        """PING or its ACK."""
        random = self.random
        flags = ACK if random.random() < 0.3 else 0
        return frame(PING, flags, 0 if random.random() < 0.95 else 1, random.randbytes(8))

    def settings_or_ack(self, _streams):
        """SETTINGS or its ACK."""
        if self.random.random() < 0.4:
            return self.ack()
        return self.settings()

    def ack(self):
        """The ACK of SETTINGS. A bad peer does not shrink its table."""
        is_shorter = self.table_length < self.encoder.header_table_size
        if is_shorter and self.random.random() < 0.97:
            self.encoder.header_table_size = self.table_length
        return frame(SETTINGS, ACK, 0, b"")

    def settings(self):
        """Parameters, mostly legal ones."""
        random = self.random
        good = {
            1: [0, 100, 4096, 65536], 2: [0] if not self.is_client else [0, 1], 3: [0, 1, 100, 0xFFFFFFFF],
            4: [0, 1, 1000, 65535, 0x7FFFFFFF], 5: [16384, 16777215], 6: [0, 100, 100000], 9: [0, 1, 7], 0xF000: [1],
        }  # fmt: skip
        bad = {1: [0xFFFFFFFF], 2: [1, 2, 0xFFFFFFFF], 4: [0x80000000], 5: [0, 16383, 16777216], 8: [0, 1, 2]}
        count = random.choice([0, 1, 1, 2, 3, 6] if random.random() < 0.99 else [32, 33])
        payload = b""
        for _ in range(count):
            source = bad if random.random() < 0.02 else good
            key = random.choice(list(source))
            payload += u16(key) + u32(random.choice(source[key]))
        return frame(SETTINGS, 0, 0, payload)

    def priority(self, streams):
        """PRIORITY, which nobody heeds."""
        stream = self.pick(streams, streams.all)
        return frame(PRIORITY, 0, stream, self.priority_bytes(stream))

    def go_away(self, _streams):
        """GOAWAY."""
        random = self.random
        last = random.choice([0, 1, 3, 0x7FFFFFFF])
        return frame(GOAWAY, 0, 0, u32(last) + u32(random.choice([0, 1, 11])) + b"bye"[: random.randint(0, 3)])

    def extension(self, streams):
        """A frame that few know."""
        random = self.random
        kind = random.choice([10, 11, 12, 16, 0xBB, 0xFF])
        stream = 0 if random.random() < 0.5 else self.pick(streams, streams.all)
        return frame(kind, random.randrange(256), stream, random.randbytes(random.choice([0, 1, 8, 50])))

    def push(self, streams):
        """PUSH_PROMISE, which nobody may send here."""
        stream = self.pick(streams, streams.open)
        block = self.encoder.encode(REQUEST)
        return frame(PUSH_PROMISE, END_HEADERS, stream, u32(self.random.choice([2, 4, 1])) + block)

    def continuation(self, streams):
        """CONTINUATION of nothing."""
        return frame(CONTINUATION, END_HEADERS, self.pick(streams, streams.open), b"")

    # ---- damage ---------------------------------------------------------------------------

    def mutate(self, data, streams):
        """The frame with one thing wrong; its length is right, but for one case."""
        random = self.random
        kind, flags = data[3], data[4]
        stream, payload = int.from_bytes(data[5:9], "big"), data[9:]
        choice = random.randrange(7)
        if choice == 0:
            flags ^= 1 << random.randrange(8)
        elif choice == 1:
            kind = random.choice([*range(10), 0x20])
        elif choice == 2:
            stream = self.pick(streams, streams.all)
        elif choice == 3:
            payload = payload[: random.randint(0, len(payload))]
        elif choice == 4:
            payload += bytes(random.choice([1, 2, 4, 6, 8, 16384]))
        elif choice == 5 and payload:
            at = random.randrange(min(len(payload), 40))
            payload = payload[:at] + bytes([payload[at] ^ 1 << random.randrange(8)]) + payload[at + 1 :]
        else:
            stream ^= 0x80000000
        return frame(kind, flags, stream & 0xFFFFFFFF, payload)
