//! The one task that owns a connection: its socket, its protocol state and its calls.
//!
//! ```text
//!        +-> events -> calls.on_event ------------+
//!        |   outbox -> calls.on_rung              |-> connection -> one write
//! read --+   timers -> calls.poll_deadlines ------+
//! ```
//!
//! One read, all its frames, all the answers, one write. Reading goes on while a write is stuck, as
//! far as [`Connection::wants_bytes`] allows: two peers that only write would wait for ever.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use hikyaku_http2::{Connection, ErrorCode, Event, StreamId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::block::{Blocks, Room};
use super::clock;
use super::mailbox::{Mailbox, Progress};
use super::outbox::{Outbox, Sleep, Wish};
use super::pool;
use super::timers::Alarm;

/// Reads in a row before other tasks of the thread get their turn.
const MAX_READ_COUNT: usize = 8;

/// Reads after a failed write: more than a socket holds.
const MAX_LAST_READ_COUNT: usize = 256;

/// Time after which a read is the last in its row. One read can hold thousands of small frames.
const MAX_TURN_TIME: Duration = Duration::from_micros(200);

/// Slices handed to one vectored write.
const MAX_SLICE_COUNT: usize = 32;

/// Bytes that are read for nothing from a peer that is still sending after it was told to go.
const MAX_UNSEEN_LEN: usize = 256 * 1024;

/// What runs over a connection: the calls of a server, or those of a client.
pub(crate) trait Calls {
    /// Something happened on the connection.
    fn on_event(&mut self, event: Event, connection: &mut Connection);
    /// The events of one read have all been seen.
    fn on_events_end(&mut self, connection: &mut Connection);
    /// The application wants something of this call.
    fn on_rung(&mut self, mailbox: Arc<Mailbox>, connection: &mut Connection);
    /// Ends the calls whose deadline has passed, and arms the timer for the next. `Again` if there
    /// were such calls.
    fn poll_deadlines(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Turn;
    /// Gives memory back that only saves time: there has been no call for a while.
    fn trim(&mut self) {}
    /// No new calls from here on.
    fn drain(&mut self);
    /// The outbox is about to close: new calls have to go elsewhere.
    fn before_close(&mut self, _connection: &Connection, _error: Option<&io::Error>) {}
    /// The connection is gone. Every call still open ends.
    fn on_gone(&mut self, error: Option<&io::Error>);
    /// Whether the calls have worked for so long that the other tasks of the thread should have their
    /// turn. Asked once: they go on in the next.
    fn is_tired(&mut self) -> bool {
        false
    }
    /// Whether the owner of this driver should look after it: see [`Driver::poll_until_parted`].
    fn is_parted(&self) -> bool;
}

/// Tells the connection how far the application has read a stream.
pub(crate) fn note_progress(id: StreamId, progress: Progress, connection: &mut Connection) {
    if progress.consumed_len > 0 {
        connection.release_data(id, progress.consumed_len);
    }
    if progress.awaited_len > 0 {
        make_room(id, progress.awaited_len, connection);
    }
}

/// The longest padding of a frame and the byte that tells its length (RFC 9113 §6.1). Bytes.
const MAX_PADDING_LEN: usize = 256;

/// Lets the peer send a message of this length, none of which is given back before it is whole. A peer
/// that pads all its frames needs room for the padding of the last one, too.
pub(crate) fn make_room(id: StreamId, message_len: usize, connection: &mut Connection) {
    connection.reserve_window(id, message_len.saturating_add(MAX_PADDING_LEN));
}

/// A socket, the connection over it and the calls on that. A future that ends when the socket can
/// be closed.
#[derive(Debug)]
pub(crate) struct Driver<S, C: Calls> {
    socket: S,
    connection: Connection,
    calls: C,
    outbox: Arc<Outbox>,
    input: BytesMut,
    blocks: Blocks,
    rung: Vec<Arc<Mailbox>>,
    wish: Wish,
    is_read_open: bool,
    /// Bytes read and not looked at after the end.
    unseen_len: usize,
    /// When the first read in a row was, and the last.
    turn_began: Option<Instant>,
    last_read: Option<Instant>,
    /// Rings when the connection has waited for its peer for too long.
    alarm: Alarm,
    is_gone: bool,
}

/// Why a connection takes no new calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is over.
    Over,
    /// It finishes the calls it has, and has to be driven until then.
    Draining,
}

/// Whether a step of the driver has to be followed by another before it may sleep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Again,
    Rest,
}

impl<S: AsyncRead + AsyncWrite + Unpin, C: Calls + Unpin> Driver<S, C> {
    pub(crate) fn new(
        socket: S,
        mut connection: Connection,
        mut calls: C,
        outbox: Arc<Outbox>,
    ) -> Self {
        // A client's calls may have waited for this connection.
        calls.on_events_end(&mut connection);
        Self {
            socket,
            connection,
            calls,
            outbox,
            input: BytesMut::new(),
            blocks: Blocks::default(),
            rung: Vec::new(),
            wish: Wish::Serve,
            is_read_open: true,
            unseen_len: 0,
            turn_began: None,
            last_read: None,
            alarm: Alarm::default(),
            is_gone: false,
        }
    }

    pub(crate) fn calls_mut(&mut self) -> &mut C {
        &mut self.calls
    }

    /// Drives the connection until it takes no new calls.
    pub(crate) fn poll_until_parted(&mut self, cx: &mut Context<'_>) -> Poll<Part> {
        match self.poll_drive(cx) {
            Poll::Ready(()) => Poll::Ready(Part::Over),
            Poll::Pending if self.calls.is_parted() => Poll::Ready(Part::Draining),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_gone {
            return Poll::Ready(());
        }
        match ready!(self.poll_io(cx)) {
            Ok(()) => self.end(None),
            Err(error) => self.end(Some(&error)),
        }
        Poll::Ready(())
    }

    fn poll_io(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.turn_began = None;
        self.connection.lend_buffer(pool::take_tail);
        for _ in 0..MAX_READ_COUNT {
            self.take_wishes();
            let _ = self.calls.poll_deadlines(&mut self.connection, cx);
            self.dispatch_events();
            self.connection.poll_transmit();
            let written = match self.poll_write(cx) {
                Ok(written) => written,
                Err(error) => {
                    self.hear_out(cx);
                    return Poll::Ready(Err(error));
                }
            };
            if self.connection.is_abandoned() || self.poll_close(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if self.calls.is_tired() {
                break;
            }
            let read = self.poll_read(cx)?;
            if read == Turn::Rest
                && written == Turn::Rest
                && self.poll_timeout(cx) == Turn::Rest
                // Those of calls that have come since are not armed yet.
                && self.calls.poll_deadlines(&mut self.connection, cx) == Turn::Rest
                && self.outbox.sleep(cx.waker(), self.wish) == Sleep::Sound
            {
                self.rest();
                return Poll::Pending;
            }
            if self.is_turn_over() {
                break;
            }
        }
        give_way(cx)
    }

    /// Gives the buffers away that wait for nothing. There are more connections than are busy.
    fn rest(&mut self) {
        Blocks::rest(&mut self.input);
        if let Some(tail) = self.connection.take_buffer() {
            pool::put_tail(tail);
        }
    }

    /// Whether this task has kept its thread for long enough, by what the clock said at its reads.
    fn is_turn_over(&self) -> bool {
        let times = self.turn_began.zip(self.last_read);
        times.is_some_and(|(began, last)| last.saturating_duration_since(began) >= MAX_TURN_TIME)
    }

    /// Closes the socket once all is written. What goes wrong then does not matter any more.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.connection.is_drained() {
            return Poll::Pending;
        }
        if ready!(Pin::new(&mut self.socket).poll_shutdown(cx)).is_ok()
            && self.connection.has_failed()
        {
            return self.poll_listen_out(cx);
        }
        Poll::Ready(())
    }

    /// Reads on for a while without looking. Bytes that nobody has read make the system answer with
    /// a reset, which can overtake our GOAWAY: the peer would not learn what was wrong.
    fn poll_listen_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.is_read_open && self.unseen_len < MAX_UNSEEN_LEN {
            self.input.clear();
            let room = self.blocks.make_room(&mut self.input);
            match ready!(self.poll_fill(room, cx)) {
                Ok(len @ 1..) => self.unseen_len += len,
                Ok(0) | Err(_) => self.is_read_open = false,
            }
        }
        Poll::Ready(())
    }

    /// Lets the connection know that its peer has owed it something for too long.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Turn {
        let Some(at) = self.connection.poll_timeout(clock::now) else {
            return Turn::Rest;
        };
        if self.alarm.poll(at, cx).is_pending() {
            return Turn::Rest;
        }
        self.connection.handle_timeout(clock::now());
        if self.connection.open_streams() == 0 {
            // It rings a while after the last call, too.
            self.trim();
        }
        Turn::Again
    }

    /// Gives memory back that an idle connection does without.
    fn trim(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        self.rung = Vec::new();
        self.calls.trim();
    }

    /// Takes what the application wants.
    fn take_wishes(&mut self) {
        let mut rung = mem::take(&mut self.rung);
        let wish = self.outbox.take(&mut rung);
        for mailbox in rung.drain(..) {
            self.calls.on_rung(mailbox, &mut self.connection);
        }
        self.rung = rung;
        match wish {
            Wish::Drain if self.wish < wish => {
                self.wish = wish;
                self.calls.drain();
                self.connection.start_shutdown();
            }
            Wish::Yield if self.connection.open_streams() == 0 => {
                let why = "the server has too many connections";
                self.connection.close(ErrorCode::NO_ERROR, why);
            }
            Wish::Drain | Wish::Yield | Wish::Serve => {}
        }
    }

    fn dispatch_events(&mut self) {
        while let Some(event) = self.connection.poll_whole_event() {
            self.calls.on_event(event, &mut self.connection);
        }
        self.calls.on_events_end(&mut self.connection);
    }

    /// Writes until the output is empty (`Rest`), the socket is full (`Rest`) or the output made
    /// room for queued data (`Again`).
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        let mut turn = Turn::Rest;
        while self.connection.output_len() > 0 {
            let mut slices = [IoSlice::new(&[]); MAX_SLICE_COUNT];
            let count = self.connection.output(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let socket = Pin::new(&mut self.socket);
            let written = match slices {
                // One buffer costs the system less than a list of one.
                [slice] => socket.poll_write(cx, slice),
                slices => socket.poll_write_vectored(cx, slices),
            };
            match written {
                Poll::Pending => return Ok(Turn::Rest),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(len)) => {
                    self.connection.advance_output(len);
                    self.connection.poll_transmit();
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => return Err(error),
            }
            // Room in a stream's queue is an event that lets its call go on.
            while let Some(event) = self.connection.poll_whole_event() {
                self.calls.on_event(event, &mut self.connection);
                turn = Turn::Again;
            }
        }
        match Pin::new(&mut self.socket).poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(turn),
        }
    }

    /// Takes what the peer had said before it hung up: answers, or which calls it left out. Nothing
    /// can be written any more.
    fn hear_out(&mut self, cx: &mut Context<'_>) {
        for _ in 0..MAX_LAST_READ_COUNT {
            self.connection.discard_output();
            match self.poll_read(cx) {
                Ok(Turn::Again) => self.dispatch_events(),
                Ok(Turn::Rest) | Err(_) => return,
            }
        }
    }

    /// Reads once; twice if the first read was of the rest of a frame, at the end of a block: the
    /// answers to both then go into one write.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        if !self.is_read_open || !self.connection.wants_bytes() {
            return Ok(Turn::Rest);
        }
        let room = self.blocks.make_room(&mut self.input);
        let Poll::Ready(len) = self.poll_read_into(room, cx)? else {
            return Ok(Turn::Rest);
        };
        if room == Room::Rest(len) {
            // What is answered by this needs the block no more, which can be used again then.
            self.dispatch_events();
            if self.connection.wants_bytes() {
                let room = self.blocks.make_room(&mut self.input);
                let _ = self.poll_read_into(room, cx)?;
            }
        }
        Ok(Turn::Again)
    }

    /// Reads once, and lets the connection know. `Pending` if nothing has come.
    fn poll_read_into(&mut self, room: Room, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ready!(self.poll_fill(room, cx)) {
            Ok(0) => {
                self.is_read_open = false;
                self.connection.handle_eof();
                Poll::Ready(Ok(0))
            }
            Ok(len) => {
                let now = clock::now();
                self.turn_began.get_or_insert(now);
                self.last_read = Some(now);
                self.connection.handle_bytes(&mut self.input, now);
                Poll::Ready(Ok(len))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Poll::Ready(Ok(0)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Reads once, behind the bytes of an incomplete frame.
    fn poll_fill(&mut self, room: Room, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (Room::Free(len) | Room::Rest(len)) = room;
        let mut room = (&mut self.input).limit(len);
        pin!(self.socket.read_buf(&mut room)).poll(cx)
    }

    fn end(&mut self, error: Option<&io::Error>) {
        self.is_gone = true;
        self.dispatch_events();
        self.calls.before_close(&self.connection, error);
        for mailbox in self.outbox.close() {
            self.calls.on_rung(mailbox, &mut self.connection);
        }
        self.calls.on_gone(error);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, C: Calls + Unpin> Future for Driver<S, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_drive(cx)
    }
}

/// Lets the other tasks of the thread have their turn, those included that wait for a socket: a task
/// that only wakes itself goes on many times before the runtime looks at the sockets again, and a
/// peer that sends without a pause would make all others wait that long.
pub(crate) fn give_way<T>(cx: &mut Context<'_>) -> Poll<T> {
    // Ready would mean that this task need not give way; but only a second poll says that.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}
