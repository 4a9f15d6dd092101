//! Every number a peer can run into, in one place.

use std::time::Duration;

/// Limits and tuning of one [`Connection`](crate::Connection). All defaults are safe on the open
/// internet; see SECURITY.md for the reasons and for what a peer sees when it passes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// `SETTINGS_HEADER_TABLE_SIZE` we announce. Bytes as RFC 7541 §4.1 counts them.
    pub header_table_len: u32,
    /// Largest dynamic table our encoder keeps, whatever the peer allows. Bytes.
    pub max_encoder_table_len: u32,
    /// `SETTINGS_MAX_CONCURRENT_STREAMS` we announce and enforce (server). Streams.
    pub max_concurrent_streams: u32,
    /// Streams a client opens before the peer's SETTINGS have been seen, and at most. Streams.
    pub max_local_streams: u32,
    /// Highest stream number a client uses before it wants another connection, and above which a
    /// server begins a graceful end: well before the numbers run out, so that no call fails for
    /// want of one. Stream numbers, odd ones; at most 2^31-1.
    pub max_stream_number: u32,
    /// `SETTINGS_INITIAL_WINDOW_SIZE` we announce: bytes a peer may send on one stream unread, before
    /// tuning or [`Connection::reserve_window`](crate::Connection::reserve_window) make it more.
    /// Each stream of a hostile peer holds as much, so by default it is the least that HTTP/2 has.
    pub stream_window_len: u32,
    /// Bytes a peer may have on their way to us on all streams together, at first. At least 65,535
    /// (RFC 9113 §6.9.2).
    pub connection_window_len: u32,
    /// Whether windows grow with what the path and the readers take.
    pub tuning: Tuning,
    /// The connection's window is tuned up to this length, and all streams' windows together are
    /// made wider by tuning by at most as much. 16 MiB fill a gigabit a second over 100 ms. Bytes.
    pub max_window_len: u32,
    /// Messages that do not fit the window of their stream may widen all streams' windows together
    /// by at most this ([`Connection::reserve_window`](crate::Connection::reserve_window)); a single
    /// longer one gets through alone. Bytes.
    pub max_reserved_len: u32,
    /// Bytes of all streams together that are unread or may come without our doing. When what is
    /// unread leaves less than the connection's window, that window shrinks.
    ///
    /// It never comes to that while `max_concurrent_streams` (a client: `max_local_streams`) times
    /// `stream_window_len`, `max_window_len` and `max_reserved_len` add up to no more, as the defaults
    /// do. Beyond that a peer whose streams are not read holds up its other streams. At least
    /// `connection_window_len`.
    pub max_unread_len: u32,
    /// `SETTINGS_MAX_FRAME_SIZE` we announce. Bytes, 16,384 to 16,777,215.
    pub max_frame_len: u32,
    /// `SETTINGS_MAX_HEADER_LIST_SIZE` we announce and enforce while decoding. Bytes, with 32 a
    /// field on top (RFC 9113 §6.5.2).
    pub max_header_list_bytes: u32,
    /// Fields in one header block, cookie crumbs included. Fields.
    pub max_header_fields: usize,
    /// CONTINUATION frames of one header block, whatever their length. Frames.
    pub max_continuation_count: usize,
    /// SETTINGS entries in one frame. Entries.
    pub max_settings_count: usize,
    /// Bytes of GOAWAY debug text kept.
    pub max_debug_len: usize,
    /// While more bytes than this wait in the output, no more is read: a peer that does not read
    /// its answers is not asked for more questions. Bytes, at least 1,000.
    pub max_output_len: usize,
    /// DATA moves from the streams' queues into the output until it holds this many bytes.
    /// At most half of `max_output_len`: DATA alone must not stop the reading.
    pub output_high_water: usize,
    /// Bytes that [`send_room`](crate::Connection::send_room) lets an owner queue on one stream, and
    /// no more than the windows let go: what waits for a peer should wait with the application, which
    /// then waits, too.
    pub max_stream_queue_len: usize,
    /// Bytes queued on all streams together beyond which a stream gets room for
    /// `min_stream_queue_len` only.
    pub max_queue_len: usize,
    /// Bytes there is always room for on a stream. At least 2.
    pub min_stream_queue_len: usize,
    /// Resets the peer may cause (its own RST_STREAM on open streams, and its stream errors that
    /// we answer with RST_STREAM) in a burst. Refills at `reset_refill_per_second`.
    pub max_reset_burst: u32,
    /// Resets a second given back to the budget.
    pub reset_refill_per_second: u32,
    /// Control and empty frames (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown, DATA of under
    /// five bytes with more to come) in a burst without useful work between them. Refills at
    /// `control_refill_per_second`.
    pub max_control_burst: u32,
    /// Control frames a second given back to the budget.
    pub control_refill_per_second: u32,
    /// Time for the preface and the first SETTINGS, from the first
    /// [`poll_timeout`](crate::Connection::poll_timeout) on.
    pub handshake_timeout: Duration,
    /// Time for one whole header block, from its first byte on.
    pub header_block_timeout: Duration,
    /// Time within which something moves that waits for the peer: a stream with bytes queued, a
    /// message that [`expect_end`](crate::Connection::expect_end) asked for, half a frame, output
    /// that the socket should take. What moves less than `min_progress_len` in it ends after three
    /// quarters of it at the earliest, after all of it at the latest. `None`: the peer may take as
    /// long as it likes, and holds what it holds.
    pub stall_timeout: Option<Duration>,
    /// Bytes that have to move in `stall_timeout` to count as progress. A peer that opens its
    /// window byte by byte costs a frame for each of them.
    pub min_progress_len: usize,
    /// Time for the last bytes of a connection that is over to leave. A peer that does not read
    /// them must not keep the socket.
    pub close_timeout: Duration,
    /// A PING is sent when no byte came for so long. `None`: never (gRFC A8, gRFC A9).
    pub keepalive_interval: Option<Duration>,
    /// Time for a byte to come after that PING; then the connection has failed.
    pub keepalive_timeout: Duration,
    /// Whether to send that PING while no stream is open, too.
    pub keepalive_without_streams: bool,
    /// PINGs of the peer that come sooner than `min_ping_interval` after the one before, without
    /// headers or data sent to it meanwhile. The connection fails with the first one above this,
    /// "too_many_pings" (gRFC A8). `None`: they count as control frames only.
    pub max_ping_strikes: Option<u32>,
    /// Time between two PINGs of the peer; at least two hours while no stream is open.
    pub min_ping_interval: Duration,
    /// Whether `min_ping_interval` holds as it is while no stream is open, too.
    pub permit_pings_without_streams: bool,
    /// Time without a stream after which the connection ends, at a server gracefully, "max_idle".
    /// `None`: it may be idle for ever.
    pub max_idle: Option<Duration>,
    /// At a server: age at which the connection ends gracefully, "max_age". `None`: any.
    pub max_age: Option<Duration>,
    /// At a server: time for open streams to finish after that; then they are cut off. `None`: any.
    pub max_age_grace: Option<Duration>,
}

/// Whether windows grow by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tuning {
    /// They grow to what the path holds, as measured by PING while DATA comes, and as far as the
    /// readers keep up.
    #[default]
    Automatic,
    /// They stay as configured, and no PING is sent.
    Fixed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            header_table_len: 4096,
            max_encoder_table_len: 4096,
            max_concurrent_streams: 100,
            max_local_streams: 100,
            // Three quarters of what there is.
            max_stream_number: 0x5fff_ffff,
            stream_window_len: 65_535,
            connection_window_len: 1024 * 1024,
            tuning: Tuning::Automatic,
            max_window_len: 16 * 1024 * 1024,
            max_reserved_len: 8 * 1024 * 1024,
            max_unread_len: 32 * 1024 * 1024,
            max_frame_len: 16_384,
            max_header_list_bytes: 16 * 1024,
            max_header_fields: 128,
            max_continuation_count: 16,
            max_settings_count: 32,
            max_debug_len: 1024,
            max_output_len: 1024 * 1024,
            output_high_water: 256 * 1024,
            max_stream_queue_len: 64 * 1024,
            max_queue_len: 1024 * 1024,
            min_stream_queue_len: 8 * 1024,
            max_reset_burst: 1000,
            reset_refill_per_second: 200,
            max_control_burst: 10_000,
            control_refill_per_second: 1000,
            handshake_timeout: Duration::from_secs(10),
            header_block_timeout: Duration::from_secs(10),
            stall_timeout: Some(Duration::from_secs(60)),
            min_progress_len: 1024,
            close_timeout: Duration::from_secs(5),
            keepalive_interval: None,
            keepalive_timeout: Duration::from_secs(20),
            keepalive_without_streams: false,
            max_ping_strikes: None,
            min_ping_interval: Duration::from_secs(5 * 60),
            permit_pings_without_streams: false,
            max_idle: None,
            max_age: None,
            max_age_grace: None,
        }
    }
}
