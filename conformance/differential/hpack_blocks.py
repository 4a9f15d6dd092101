"""HPACK against Python's `hpack`: random header lists over long-lived tables, both ways.

Each `*_shard` function compares some blocks and returns a `Counter` of what it has seen; it raises
`Difference` for one that nothing explains.
"""

from collections import Counter

from hpack import Decoder, Encoder, HPACKError
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.struct import NeverIndexedHeaderTuple

from judge import number, sized, sized_parts


class Difference(Exception):
    """The two implementations disagree, and no rule says that they may."""


# Blocks over one pair of tables, at most, and steps sent in one batch.
TABLE_BLOCKS = 2000
BATCH_BLOCKS = 250

# Wide enough for any list made here.
WIDE = number(1 << 24) + number(1 << 16)

TABLE_LENGTHS = [0, 31, 32, 33, 64, 100, 256, 1000, 4095, 4096, 4097, 8192, 65536]

NAMES = [
    b":method", b":path", b":scheme", b":authority", b":status", b"accept-encoding", b"content-type",
    b"te", b"user-agent", b"grpc-timeout", b"grpc-status", b"grpc-message", b"authorization",
    b"cookie", b"via", b"www-authenticate", b"x-request-id", b"trace-bin", b"",
]  # fmt: skip
VALUES = [
    b"GET", b"POST", b"/", b"/helloworld.Greeter/SayHello", b"http", b"https", b"200", b"404",
    b"gzip, deflate", b"application/grpc", b"trailers", b"20S", b"1000000u", b"0", b"",
]  # fmt: skip
# Around the edges of the integer code and of tables.
LENGTHS = [1, 2, 126, 127, 128, 254, 255, 256, 1000, 2015, 2016, 4030, 4063, 4064, 4065, 16511]
SHORT = LENGTHS[:8]


class Vocabulary:
    """The fields of one table: some come again and again, some once."""

    def __init__(self, random, lengths=LENGTHS):
        self.random = random
        self.lengths = lengths
        self.pairs = [self.new_pair() for _ in range(random.randint(4, 60))]

    def new_pair(self):
        random = self.random
        name = random.choice(NAMES) if random.random() < 0.7 else self.text(random.randint(1, 30))
        return name, self.value()

    def value(self):
        random = self.random
        choice = random.random()
        if choice < 0.5:
            return random.choice(VALUES)
        if choice < 0.9:
            return self.text(random.randint(0, 40))
        if choice < 0.985:
            return random.randbytes(random.randint(0, 40))
        if choice < 0.994:
            return random.randbytes(random.choice(self.lengths))
        return self.text(random.choice(self.lengths))

    def text(self, length):
        return bytes(self.random.choices(TEXT, k=length))

    def fields(self):
        """The next header list."""
        random = self.random
        count = random.choice(FIELD_COUNTS)
        fields = []
        for _ in range(count):
            if random.random() < 0.1:
                self.pairs[random.randrange(len(self.pairs))] = self.new_pair()
            fields.append(random.choice(self.pairs))
        return fields


TEXT = b"abcdefghijklmnopqrstuvwxyz0123456789-_./"
FIELD_COUNTS = [0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8, 12]


def batches(judge, random, count, begin, block):
    """Calls `begin` before each table and `block` for each block, and flushes now and then."""
    done = 0
    while done < count:
        begin()
        for _ in range(min(random.randint(1, TABLE_BLOCKS), count - done)):
            block()
            done += 1
            if done % BATCH_BLOCKS == 0:
                judge.flush()
    judge.flush()


# ---- our encoder, their decoder ---------------------------------------------------------------


def ours_to_theirs_shard(judge, random, count):
    """Lists that we encode and `hpack` decodes."""
    seen = Counter()
    state = {}

    def begin():
        decoder = Decoder(max_header_list_size=1 << 30)
        state["decoder"], state["words"] = decoder, Vocabulary(random)
        judge.tell(b"n" + number(random.choice(TABLE_LENGTHS)) + number(4096))
        seen["tables"] += 1

    def block():
        decoder, limits = state["decoder"], []
        while random.random() < 0.02:
            limits.append(random.choice(TABLE_LENGTHS))
            judge.tell(b"p" + number(limits[-1]))
        fields = [(*pair, random.choice(b"iiiiln")) for pair in state["words"].fields()]
        seen["blocks"] += 1
        seen["fields"] += len(fields)
        seen["size changes"] += len(limits)
        judge.ask(encode_step(fields), lambda block: check_decoded(decoder, limits, fields, block))

    batches(judge, random, count, begin, block)
    return seen


def encode_step(fields):
    """The step that has us encode fields with their indexing."""
    parts = [b"e", number(len(fields))]
    for name, value, indexing in fields:
        parts += [bytes([indexing]), sized(name), sized(value)]
    return b"".join(parts)


def check_decoded(decoder, limits, fields, block):
    """`hpack` finds in our block what we put into it."""
    for limit in limits:
        decoder.max_allowed_table_size = limit
    if limits and decoder.header_table_size > min(limits) and not is_size_update(block):
        raise Difference(f"no size update after the limits {limits}: {block.hex()}")
    try:
        decoded = decoder.decode(block, raw=True)
    except HPACKError as error:
        raise Difference(f"{error!r} for our block {block.hex()} of {fields}") from error
    got = [(*field, isinstance(field, NeverIndexedHeaderTuple)) for field in decoded]
    want = [(name, value, indexing == ord("n")) for name, value, indexing in fields]
    if got != want:
        raise Difference(f"our block {block.hex()} means {got}, not {want}")


def is_size_update(block):
    """Whether a block begins with a size update."""
    return bool(block) and block[0] & 0xE0 == 0x20


# ---- their encoder, our decoder ---------------------------------------------------------------


def theirs_to_ours_shard(judge, random, count):
    """Lists that `hpack` encodes and we decode, some of them under a limit that they pass."""
    seen = Counter()
    state = {}

    def begin():
        state["encoder"], state["words"] = Encoder(), Vocabulary(random)
        judge.tell(b"n" + number(4096) + number(4096))
        seen["tables"] += 1

    def block():
        encoder = state["encoder"]
        # `hpack` writes each change. RFC 7541 §4.2 has two at most, the lowest and the last.
        changes = random.choices([0, 1, 2], [96, 3, 1])[0]
        for limit in sorted(random.choices(TABLE_LENGTHS, k=changes)):
            if limit != encoder.header_table_size:
                encoder.header_table_size = limit
                judge.tell(b"m" + number(limit))
                seen["size changes"] += 1
        fields = state["words"].fields()
        secret = [(*pair, random.random() < 0.1) for pair in fields]
        # `hpack` takes a second for a hundred long ones.
        huffman = random.random() < (0.6 if list_bytes(fields) < 3000 else 0.1)
        block = encoder.encode(secret, huffman=huffman)
        seen["blocks"] += 1
        seen["fields"] += len(fields)
        if random.random() < 0.05:
            most_bytes, most_fields = random.choice([0, 40, 100, 300, 5000]), random.randint(0, 8)
            limits = number(most_bytes) + number(most_fields)
        else:
            most_bytes, most_fields, limits = 1 << 24, 1 << 16, WIDE
        want = expected(fields, most_bytes, most_fields)
        seen["over a limit"] += want[0] != b"c"
        judge.ask(b"d" + limits + sized(block), lambda answer: check_answer(block, want, answer))

    batches(judge, random, count, begin, block)
    return seen


def list_bytes(fields):
    """The length of a list as RFC 9113 §6.5.2 counts it."""
    return sum(len(name) + len(value) + 32 for name, value in fields)


def expected(fields, most_bytes, most_fields):
    """Our answer for a list: how it ends, and the fields that are kept."""
    total = list_bytes(fields)
    if total <= most_bytes and len(fields) <= most_fields:
        return b"c", fields
    kept, length = [], 0
    for name, value in fields:
        length += len(name) + len(value) + 32
        if length > most_bytes or len(kept) == most_fields:
            break
        kept.append((name, value))
    return b"l" + number(total) + number(len(fields)), kept


def check_answer(block, want, answer):
    """We found in a block what `hpack` put into it."""
    got = read_answer(answer)
    if got != want:
        raise Difference(f"{block.hex()} is {got} for us, {want} was sent")


def read_answer(answer):
    """How our decoder ended, and the fields that it found."""
    if answer[:1] == b"e":
        return answer, []
    end = 9 if answer[:1] == b"l" else 1
    parts = sized_parts(answer[end:])
    return answer[:end], list(zip(parts[::2], parts[1::2], strict=True))


# ---- blocks that nobody should send -----------------------------------------------------------

# Why one end may refuse what the other takes: (our error or "", their error or "") to the rule.
EXPLAINED = {
    ("SizeUpdateRepeated", ""): "RFC 7541 §4.2: one block has at most two size updates, the lowest "
    "length since the last block and the one that holds; hpack takes any number",
    ("SizeUpdateMissing", ""): "RFC 7541 §4.2: the lowest limit since the last block is owed an "
    "update even if the limit was raised again; hpack looks at the last limit alone",
}


def malformed_shard(judge, random, count):
    """Blocks that are damaged: both take them, for the same fields, or both refuse them."""
    seen = Counter()
    words = Vocabulary(random, SHORT)
    while seen["blocks"] < count:
        for _ in range(100):
            damaged_table(judge, random, words, seen)
        judge.flush()
        words = Vocabulary(random, SHORT)
    return seen


def damaged_table(judge, random, words, seen):
    """Some good blocks, then damaged ones; those behind one that is refused are not looked at."""
    encoder, state = Encoder(), Table()
    judge.tell(b"n" + number(4096) + number(4096))
    for _ in range(random.randint(0, 3)):
        block = encoder.encode(words.fields(), huffman=random.random() < 0.6)
        ask_both(judge, state, block, [], None)
    for _ in range(random.randint(1, 4)):
        changes = random.choices([0, 1, 2], [80, 15, 5])[0]
        limits = random.choices(TABLE_LENGTHS, k=changes)
        for limit in limits:
            judge.tell(b"m" + number(limit))
        block = encoder.encode(words.fields(), huffman=random.random() < 0.6)
        ask_both(judge, state, damage(random, block), limits, seen)


class Table:
    """The table of `hpack`, and whether a block has been refused."""

    def __init__(self):
        self.decoder = Decoder(max_header_list_size=1 << 30)
        self.is_over = False


def ask_both(judge, state, block, limits, seen):
    """Has both ends decode a block; one that is counted in `seen` may be refused."""

    def check(answer):
        if state.is_over:
            return
        for limit in limits:
            state.decoder.max_allowed_table_size = limit
        outcome = compare(state, block, answer)
        if seen is not None:
            seen["blocks"] += 1
            seen[outcome] += 1
        elif outcome != "both take":
            raise Difference(f"{block.hex()}: {outcome}, and it is a good block")

    judge.ask(b"d" + WIDE + sized(block), check)


def compare(state, block, answer):
    """What the two ends make of a block, if it is the same or explained."""
    try:
        theirs, their_error = state.decoder.decode(block, raw=True), ""
    except HPACKError as error:
        theirs, their_error = [], type(error).__name__
    verdict, ours = read_answer(answer)
    # The name of the error, without its numbers.
    our_error = verdict[1:].decode().split(" ")[0] if verdict[:1] == b"e" else ""
    state.is_over = bool(our_error or their_error)
    if our_error and their_error:
        return "both refuse"
    if not state.is_over:
        if ours != [tuple(field) for field in theirs]:
            raise Difference(f"{block.hex()} is {ours} for us, {theirs} for hpack")
        return "both take"
    if (our_error, their_error) not in EXPLAINED:
        raise Difference(f"{block.hex()}: we say {verdict}, hpack {their_error or 'takes it'}")
    return f"explained: {our_error or 'taken'}, hpack {their_error or 'takes it'}"


def damage(random, block):
    """A block that is no longer what an encoder wrote."""
    data = bytearray(block)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        place = random.randint(0, len(data))
        random.choice(DAMAGES)(random, data, place)
    return bytes(data)


def flip(random, data, place):
    """One bit is another."""
    if place < len(data):
        data[place] ^= 1 << random.randrange(8)


def overwrite(random, data, place):
    """One byte is another."""
    if place < len(data):
        data[place] = random.choice(EDGE_BYTES)


def insert(random, data, place):
    """Some bytes too many."""
    data[place:place] = bytes(random.choices(EDGE_BYTES, k=random.randint(1, 4)))


def remove(random, data, place):
    """Some bytes too few."""
    del data[place : place + random.randint(1, 4)]


def cut(_random, data, place):
    """The end is missing."""
    del data[place:]


def long_integer(random, data, place):
    """A first byte whose integer goes on and on."""
    first = random.choice([0xFF, 0x7F, 0x3F, 0x1F, 0x0F])
    more = random.choice([b"\x80", b"\xff", b"\x81"]) * random.randint(0, 6)
    data[place:place] = bytes([first]) + more + random.choice([b"\x00", b"\x01", b"\x0f", b"\x7f"])


def size_update(random, data, place):
    """Size updates, mostly where they belong."""
    place = place if random.random() < 0.3 else 0
    for _ in range(random.choice([1, 1, 2, 3, 4])):
        length = random.choice(TABLE_LENGTHS)
        data[place:place] = integer(0x20, 5, length)


def bad_index(random, data, place):
    """An index around the ends of the tables."""
    first, bits = random.choice([(0x80, 7), (0x40, 6), (0x00, 4), (0x10, 4)])
    data[place:place] = integer(first, bits, random.choice([0, 1, 61, 62, 63, 64, 70, 100, 1 << 20]))


def huffman_string(random, data, place):
    """A literal whose Huffman code ends, or holds, what it may not."""
    bits = ""
    for _ in range(random.randint(0, 6)):
        symbol = random.choice([random.randrange(32, 127), random.randrange(257)])
        length = REQUEST_CODES_LENGTH[symbol]
        bits += f"{REQUEST_CODES[symbol] & ((1 << length) - 1):0{length}b}"
    missing = -len(bits) % 8
    padding = random.choice(["1" * missing, "1" * missing, "1" * (missing + 8), "0" * missing])
    if random.random() < 0.2:
        padding = padding[:-1] + "0"
    bits = (bits + padding)[: len(bits + padding) // 8 * 8]
    code = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    data[place:place] = b"\x40\x01a" + integer(0x80, 7, len(code)) + code


def integer(first, bits, value):
    """An integer behind a pattern (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    data, value = [first | most], value - most
    while value >= 128:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


EDGE_BYTES = bytes([0, 1, 0x0F, 0x10, 0x1F, 0x20, 0x21, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xBE, 0xC0, 0xFF])
DAMAGES = [
    flip, flip, overwrite, insert, remove, cut, long_integer, size_update, size_update, bad_index,
    huffman_string, huffman_string,
]  # fmt: skip
