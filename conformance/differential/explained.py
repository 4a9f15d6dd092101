"""Why `h2` and we may judge a frame differently: one entry for each reason, and no other difference
is let pass.

An entry holds when what both made of the step matches its patterns and `when` finds its reason in
the frame itself. The rule is in our own words.
"""

import re
from dataclasses import dataclass
from typing import Callable

from frames import END_HEADERS, HAS_PRIORITY, PADDED


class Case:
    """One step of a session on which both ends differ."""

    def __init__(self, session, past, step, ours, why):
        self.session = session
        self.past = past
        self.step = step
        self.ours = ours
        self.why = why
        self.kind, self.flags, self.stream, self.payload = 0, 0, 0, b""
        if step.what != "command" and len(step.data) >= 9:
            self.kind, self.flags = step.data[3], step.data[4]
            self.stream = int.from_bytes(step.data[5:9], "big") & 0x7FFFFFFF
            self.payload = step.data[9:]

    def our_verdict(self):
        """`took it`, `reset CODE` or `closed CODE RULE`."""
        return f"{verdict(self.ours)} {self.why}".strip()

    def their_verdict(self):
        """`took it`, `reset CODE` or `closed CODE ERROR: TEXT`; CODE is `-` without GOAWAY."""
        if self.step.error is None:
            return verdict(self.step.lines)
        told = verdict(self.step.lines)
        told = told if told.startswith("closed") else "closed -"
        return f"{told} {type(self.step.error).__name__}: {self.step.error}"

    def is_about_its_stream(self):
        """Whether we reset no other stream than that of the frame."""
        return all(line.split()[2] == str(self.stream) for line in self.ours if line.startswith("< reset"))

    def describe(self):
        """All that is needed to look into it."""
        lines = [f"as a {'client' if self.session.is_client else 'server'} with {self.session.limits}:"]
        lines += [f"  {step.what} {step.data.hex()} -> {step.lines}" for step in self.past]
        lines += [f"  {self.step.what} {self.step.data.hex()}"]
        lines += [f"    ours: {self.our_verdict()}, {self.ours}"]
        lines += [f"    h2:   {self.their_verdict()}, {self.step.lines}"]
        return "\n".join(lines)


def verdict(lines):
    """How bad it was."""
    for line in lines:
        if line.startswith("< go-away"):
            return f"closed {line.split()[2]}"
    for line in lines:
        if line.startswith("< reset"):
            return f"reset {line.split()[3]}"
    return "took it"


def name(case):
    """The entry that explains the case, or `None`."""
    ours, theirs = case.our_verdict(), case.their_verdict()
    for entry in DIFFERENCES:
        if (
            re.fullmatch(entry.ours, ours, re.DOTALL)
            and re.fullmatch(entry.theirs, theirs, re.DOTALL)
            and case.is_about_its_stream()
            and entry.when(case)
        ):
            return entry.name
    return None


@dataclass(frozen=True)
class Difference:
    """One reason to differ."""

    name: str
    ours: str
    theirs: str
    rule: str
    when: Callable[[Case], bool] = lambda case: True


# ---- what the frame shows ---------------------------------------------------------------------


def is_kind(kind):
    """The frame is of this kind."""
    return lambda case: case.kind == kind


def is_zero_increment(case):
    """WINDOW_UPDATE of nothing for a stream."""
    increment = int.from_bytes(case.payload, "big") & 0x7FFFFFFF
    return case.kind == 8 and len(case.payload) == 4 and increment == 0 and case.stream != 0


def has_reserved_increment_bit(case):
    """WINDOW_UPDATE with the bit that has no meaning."""
    return case.kind == 8 and len(case.payload) == 4 and case.payload[0] & 0x80 != 0


def depends_on_itself(case):
    """The HEADERS of this block make their stream depend on itself."""
    blocks = [step.data for step in [*case.past, case.step] if step.what == "HEADERS"]
    if not blocks or not blocks[-1][4] & HAS_PRIORITY:
        return False
    start = 10 if blocks[-1][4] & PADDED else 9
    dependency = int.from_bytes(blocks[-1][start : start + 4], "big") & 0x7FFFFFFF
    return dependency == case.stream


def is_short_priority(case):
    """PRIORITY of a length it cannot have."""
    return case.kind == 2 and len(case.payload) != 5


def is_reset_by_us(case):
    """Both ends have reset the stream before."""
    told = any(f"< reset {case.stream} " in f"{line} " for step in case.past for line in step.lines)
    return told and case.stream != 0


def is_reset_by_peer(case):
    """The peer has reset the stream before."""
    return any(line.startswith(f"reset {case.stream} ") for step in case.past for line in step.lines)


def was_reset_unopened(case):
    """RST_STREAM has come for the stream, and it was none that `h2` has told of."""
    frames = [step.data for step in case.past if step.what == "RST_STREAM"]
    resets = any(int.from_bytes(data[5:9], "big") & 0x7FFFFFFF == case.stream for data in frames)
    return resets and not has_ended_or_resets(case)


def has_ended(case):
    """The peer has ended its side of the stream before."""
    ends = (f"headers {case.stream} end", f"data {case.stream} end", f"trailers {case.stream} end")
    return any(line.startswith(ends) for step in case.past for line in step.lines)


def has_ended_or_resets(case):
    """The peer has ended the stream before, by END_STREAM or RST_STREAM."""
    return is_reset_by_peer(case) or has_ended(case)


def is_first_frame(case):
    """No SETTINGS, ACKs aside, has come before."""
    is_settings = [step.what == "SETTINGS" and not step.data[4] & 1 for step in case.past]
    return not any(is_settings)


def has_many_settings(case):
    """More entries than our `Config::max_settings_count`."""
    return case.kind == 4 and len(case.payload) // 6 > 32


def is_data_without_content(case):
    """DATA of a response that never has any."""
    told = f"headers {case.stream} more"
    heads = [line for step in case.past for line in step.lines if line.startswith(told)]
    empty = any(f":status={status.hex()}" in line for line in heads for status in (b"204", b"304"))
    asked = [step.data for step in case.past if step.what == "command" and step.data[:1] == b"o"]
    nth = case.stream // 2
    return case.kind == 0 and (empty or (nth < len(asked) and b"HEAD" in asked[nth]))


def has_repeated_setting(case):
    """One parameter twice in a frame."""
    ids = [case.payload[at : at + 2] for at in range(0, len(case.payload), 6)]
    return case.kind == 4 and len(ids) != len(set(ids))


def has_two_bad_settings(case):
    """Two parameters with values that they cannot have."""
    bad = 0
    for at in range(0, len(case.payload), 6):
        id = int.from_bytes(case.payload[at : at + 2], "big")
        value = int.from_bytes(case.payload[at + 2 : at + 6], "big")
        most_push = 0 if case.session.is_client else 1
        bad += (id == 2 and value > most_push) + (id == 4 and value >> 31)
        bad += id == 5 and not 16384 <= value <= 16777215
        bad += id == 8 and value > 1
    bad += case.why.startswith("WindowOverflow")
    return case.kind == 4 and bad > 1


def has_connect_protocol(case):
    """`SETTINGS_ENABLE_CONNECT_PROTOCOL` is in it."""
    return case.kind == 4 and any(case.payload[at : at + 2] == b"\0\x08" for at in range(0, len(case.payload), 6))


def has_odd_settings_length(case):
    """SETTINGS that are no whole number of entries, or an ACK with some."""
    return case.kind == 4 and (len(case.payload) % 6 != 0 or case.flags & 1 and case.payload != b"")


def has_fitting_padding(case):
    """Padding that fills the frame and no more."""
    room = len(case.payload) - 1 - (5 if case.kind == 1 and case.flags & HAS_PRIORITY else 0)
    return case.flags & PADDED != 0 and case.payload[:1] != b"" and case.payload[0] <= room


def has_reserved_stream_bit(case):
    """GOAWAY with the bit that has no meaning."""
    return case.kind == 7 and case.payload[:1] >= b"\x80"


def is_after_an_end(case):
    """SETTINGS after a stream has ended or was reset."""
    lines = [line for step in case.past for line in step.lines]
    return case.kind == 4 and any("reset" in line or " end" in line for line in lines)


def is_open_block(case):
    """The header block goes on in the next frame."""
    return case.kind in (1, 5, 9) and not case.flags & END_HEADERS


def was_padded(case):
    """DATA with padding has come before."""
    return any(step.what == "DATA" and step.data[4] & PADDED for step in case.past)


def is_client_at_rest(case):
    """A client that is told to leave, and has nothing left to do."""
    return case.session.is_client and case.kind == 7 and case.ours == [*case.step.lines, "< go-away 0"]


def is_near_the_last_number(case):
    """A request above our `Config::max_stream_number`."""
    is_answer = case.ours == [*case.step.lines, "< go-away 0"]
    return is_answer and not case.session.is_client and case.stream > 0x5FFFFFFF


def fields_of(case):
    """Whether the message ends here, and its fields, as `h2` or we have delivered them."""
    for line in case.step.lines + case.ours:
        words = line.split(" ")
        if words[0] in ("headers", "trailers"):
            pairs = [word.split("=") for word in words[3:]]
            return words[2] == "end", [(key, bytes.fromhex(value)) for key, value in pairs]
    return False, []


def has_equal_hosts(case):
    """Several `host` fields of the same meaning."""
    hosts = [value.lower() for key, value in fields_of(case)[1] if key == "host"]
    return len(hosts) > 1 and len(set(hosts)) == 1


TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
AUTHORITY = re.compile(rb"[0-9A-Za-z\-._~%!$&'()*+,;=:\[\]]*")
ILLEGAL = {
    ":method": lambda value: not TOKEN.fullmatch(value),
    ":scheme": lambda value: not re.fullmatch(rb"[A-Za-z][A-Za-z0-9+\-.]*", value),
    ":path": lambda value: not re.fullmatch(rb"\*|/[!-~]*", value),
    ":authority": lambda value: not value or not AUTHORITY.fullmatch(value),
    ":status": lambda value: not re.fullmatch(rb"[1-9][0-9][0-9]", value) or value == b"101",
    "host": lambda value: not AUTHORITY.fullmatch(value),
    "content-length": lambda value: not value.isdigit() or int(value) >= 1 << 64,
}


def has_illegal_field(case):
    """A name that is no token, or a value that its field cannot have."""
    _, fields = fields_of(case)
    return any(
        not TOKEN.fullmatch(key.removeprefix(":").encode("latin-1"))
        or (key in ILLEGAL and ILLEGAL[key](value))
        or (key == ":path" and value == b"*" and (":method", b"OPTIONS") not in fields)
        for key, value in fields
    )


LENGTH = "content-length="


def lacks_promised_body(case):
    """A message that promises a body and ends without."""
    ends, fields = fields_of(case)
    # Trailers end what the head has promised.
    heads = [line for step in case.past for line in step.lines if line.startswith(f"headers {case.stream} more")]
    promises = [bytes.fromhex(word.split("=")[1]) for line in heads for word in line.split(" ") if LENGTH in word]
    promises += [value for key, value in fields if key == "content-length"]
    return ends and any(promise.strip(b"0") for promise in promises)


def lacks_connect_authority(case):
    """CONNECT without `:authority`."""
    keys = dict(fields_of(case)[1])
    return keys.get(":method") == b"CONNECT"


# ---- the table --------------------------------------------------------------------------------

ANY = r".*"
MALFORMED = (
    r"closed 1 (InvalidBodyLengthError: .*|ProtocolError: (Header block missing mandatory|Received pseudo-header"
    r"|Received duplicate pseudo|Received custom pseudo|Received uppercase|Received header|Illegal character"
    r"|Connection-specific|Invalid value for TE|Trailers must have|Encountered|Request header block"
    r"|Ordinary CONNECT|An empty :path|Invalid content-length|Conflicting content-length"
    r"|cannot receive data before headers|Cannot set END_STREAM on info|Informational response after).*)"
)

DIFFERENCES = [
    # Ours is a stream error, theirs a connection error: RFC 9113 §5.4.1 lets an end have it so.
    Difference("malformed message", r"reset 1", MALFORMED,
        "RFC 9113 §8.1.1: a malformed message is a stream error; h2 ends the connection, as §5.4.1 allows"),
    Difference("self-dependency", r"reset 1", r"closed (1 ProtocolError: Stream \d+ may not dep|11 DenialOfS).*",
        "RFC 7540 §5.3.1: a stream error; RFC 9113 §5.3.2 has no priorities any more",
        lambda case: case.kind == 2 or depends_on_itself(case)),
    Difference("stream window overrun", r"reset 3", r"closed 3 FlowControlError: .*",
        "RFC 9113 §6.9.1: either kind of error, by how far it reaches", is_kind(0)),
    Difference("zero increment on a stream", r"reset 1", r"closed 1 ProtocolError: Received frame with non-compliant .*",
        "RFC 9113 §6.9: on a stream a stream error, on the connection one of the connection", is_zero_increment),
    Difference("PRIORITY of a wrong length", r"reset 6", r"closed 6 FrameDataMissingError: .*",
        "RFC 9113 §6.3: a stream error", is_short_priority),
    Difference("one stream too many", r"reset 7", r"closed 1 TooManyStreamsError: .*",
        "RFC 9113 §5.1.2: a stream error; REFUSED_STREAM tells the client that it may try again"),
    Difference("header list too long", r"reset 11", r"closed 11 DenialOfServiceError: .*",
        "RFC 9113 §10.5.1: one may refuse it; the table is in step here and is not in hpack (our "
        "max_header_list_bytes)"),
    # Streams that are over.
    Difference("frame on a stream that was reset here", r"took it", r"(reset 5|closed (11|1|6) .*)",
        "RFC 9113 §5.1: who has sent RST_STREAM ignores what was on its way; h2 resets the stream again",
        is_reset_by_us),
    Difference("fault on a stream that the peer reset", r"took it", r"closed [16] .*",
        "RFC 9113 §5.4.2: no RST_STREAM answers one; a stream error has nothing to end any more",
        lambda case: case.kind in (2, 8) and is_reset_by_peer(case)),
    Difference("frame behind the end of a stream", r"closed 5 ClosedStream.*", r"(reset 5|closed (11|1) .*)",
        "RFC 9113 §5.1: may be a connection error STREAM_CLOSED, as long as the end is remembered",
        has_ended_or_resets),
    Difference("RST_STREAM and HEADERS on a stream that was skipped", r"closed 5 ClosedStream.*",
        r"closed 1 StreamIDTooLow.*",
        "RFC 9113 §5.1.1, §5.1: a number that was skipped, and a frame behind RST_STREAM: both end the connection",
        was_reset_unopened),
    Difference("CONTINUATION of nothing", r"closed 1 ContinuationUnexpected", r"(closed 5 StreamClosedError.*|reset 5)",
        "RFC 9113 §6.10: PROTOCOL_ERROR, whatever its stream is at", is_kind(9)),
    Difference("bad header list behind the end", r"reset 5",
        r"closed (11 DenialOfS|1 ProtocolError: (Invalid input StreamInputs.RECV_INFO|Cannot set END_STREAM on info)).*",
        "RFC 9113 §5.1: a stream error STREAM_CLOSED, whatever the header list says", has_ended_or_resets),
    Difference("RST_STREAM on an idle stream", r"closed 1 IdleStream\(RstStream.*", r"took it",
        "RFC 9113 §6.4: a connection error; h2 takes it", is_kind(3)),
    # Codes.
    Difference("code for a bad header block", r"closed 9 BadHeaderBlock.*",
        r"closed 1 ProtocolError: Error decoding header block.*",
        "RFC 9113 §4.3: COMPRESSION_ERROR; h2 says PROTOCOL_ERROR"),
    Difference("code for a SETTINGS length", r"closed 6 BadFrameLen.*", r"closed 1 ProtocolError: .*non-compliant.*",
        "RFC 9113 §6.5: FRAME_SIZE_ERROR; h2 says PROTOCOL_ERROR", has_odd_settings_length),
    Difference("GOAWAY for a bad preface", r"closed 1 BadPreface", r"closed - ProtocolError: Invalid HTTP/2 preamble.",
        "RFC 9113 §3.4: the GOAWAY may be left out", lambda case: not case.past),
    # What h2 does not look at.
    Difference("first frame is not SETTINGS", r"closed 1 SettingsNotFirst.*", ANY,
        "RFC 9113 §3.4: a connection error; h2 takes any frame first", is_first_frame),
    Difference("parameter twice in SETTINGS", r"closed (1|3) (Bad|WindowOverflow).*", ANY,
        "RFC 9113 §6.5.3: values hold one after the other; h2 looks at the last one only", has_repeated_setting),
    Difference("PUSH_PROMISE with CONTINUATION", r"closed 1 PushPromised", r"took it",
        "RFC 9113 §8.4: an error at once; h2 waits for the whole block", is_open_block),
    Difference("third size update", r"closed 9 BadHeaderBlock\(SizeUpdateRepeated\)", ANY,
        "RFC 7541 §4.2: one block has at most two; hpack takes any number"),
    # What h2 looks at and we do not.
    Difference("ALTSVC of a wrong shape", r"took it", r"closed 6 FrameDataMissingError: .*",
        "RFC 9113 §5.5: a frame that is not known is ignored; h2 knows ALTSVC (RFC 7838)", is_kind(10)),
    Difference("reserved bit of WINDOW_UPDATE", ANY, r"closed 1 ProtocolError: Received frame with non-compliant .*",
        "RFC 9113 §6.9: the bit is ignored; h2 reads it as part of the number", has_reserved_increment_bit),
    Difference("reserved bit of GOAWAY", r"(took it|closed 0)", r"took it",
        "RFC 9113 §6.8: the bit is ignored; h2 reads it as part of the number", has_reserved_stream_bit),
    Difference("window of a stream that is gone", r"took it", r"closed 3 FlowControlError: May not increment.*",
        "RFC 9113 §6.9.2: SETTINGS change the windows of active streams; h2 counts dead ones too",
        is_after_an_end),
    Difference("extended CONNECT in SETTINGS", r"took it", r"closed 1 InvalidSettingsValueError: Setting .*",
        "RFC 9113 §6.5.2: a parameter that is not known is ignored; h2 knows RFC 8441", has_connect_protocol),
    Difference("padding that fills the frame", r"(took it|reset \d+|closed [59] .*)",
        r"closed 1 ProtocolError: Received frame with invalid padding.",
        "RFC 9113 §6.2: only padding that exceeds what is left is an error", has_fitting_padding),
    Difference("host in other letters", r"took it", r"closed 1 ProtocolError: Request header block has mismatched.*",
        "RFC 9110 §4.2.3: host names are equal whatever their case"),
    Difference("host twice", r"took it", r"closed 1 ProtocolError: Request header block has multiple Host.*",
        "RFC 9113 §8.3.1 forbids hosts that differ; these are the same", has_equal_hosts),
    Difference("request without authority", r"took it", r"closed 1 ProtocolError: Request header block does not have.*",
        "RFC 9113 §8.3.1: a request need not name one; whoever needs it asks for it"),
    Difference("padding is given back", r"took it", r"closed 3 FlowControlError: .*",
        "RFC 9113 §6.1: padding counts for flow control; we give its bytes back at once, the driver of h2 "
        "never does", was_padded),
    Difference("GOAWAY is answered", r"closed 0", r"took it",
        "RFC 9113 §6.8: who is told to leave and has no stream left closes, with a GOAWAY of its own",
        is_client_at_rest),
    Difference("stream numbers run out", r"closed 0", r"took it",
        "RFC 9113 §5.1.1: a connection without numbers must be replaced; our server says so early with GOAWAY "
        "(max_stream_number), and goes on with what is open", is_near_the_last_number),
    # Where we are stricter.
    Difference("field that HTTP does not have", r"reset 1", r"took it",
        "RFC 9113 §8.2.1 asks for the least and lets one check what RFC 9110 §5.1, §5.5, §7.2, §8.6 and §15 "
        "and RFC 3986 §3 say of a field: names are tokens, values fit their field", has_illegal_field),
    Difference("promised body is missing", r"reset 1", r"took it",
        "RFC 9113 §8.1.1: content-length must be the length of the body, of none too; h2 looks at DATA only",
        lacks_promised_body),
    Difference("body that cannot be", r"reset 1", r"took it",
        "RFC 9110 §6.4.1: a response to HEAD, or of status 204 or 304, has no content; h2 forgets HEAD when "
        "trailers follow it, and does not mind the status",
        is_data_without_content),
    Difference("CONNECT without authority", r"reset 1", r"took it",
        "RFC 9113 §8.5: CONNECT has :authority; h2 takes host", lacks_connect_authority),
    Difference("too many SETTINGS", r"closed 11 TooManySettings.*", ANY,
        "our max_settings_count (RFC 9113 §10.5: limits on what costs work)", has_many_settings),
    Difference("header block too long", r"closed 11 (HeaderBlockTooLong|TooManyContinuations).*", ANY,
        "our limits, before the block is complete (RFC 9113 §10.5.1)", is_open_block),
    # Both close the connection, for different faults of one frame: no rule ranks them.
    Difference("two faults in one frame",
        r"closed 1 (ContinuationExpected|PushPromised|IdleStream|EvenStream|StreamNotIncreasing|SettingsNotFirst).*",
        r"closed (6 FrameDataMissing|11 DenialOfService|1 TooManyStreams).*",
        "RFC 9113 §5.4: an end names one of the errors that it has found"),
    Difference("long frame with another fault", r"closed 6 FrameTooLong.*", r"closed 1 ProtocolError: .*invalid header.*",
        "RFC 9113 §5.4: an end names one of the errors that it has found"),
    Difference("bad block of one stream too many", r"closed 9 BadHeaderBlock.*",
        r"closed (1 TooManyStreams|11 DenialOfService).*",
        "RFC 9113 §4.3: the block is decoded even if the stream is refused, and its error is the worse"),
    Difference("two bad parameters in SETTINGS", r"closed (1|3) (Bad|WindowOverflow).*", r"closed (1|3) InvalidSettings.*",
        "RFC 9113 §6.5.3: the first one counts; h2 names another", has_two_bad_settings),
]  # fmt: skip
