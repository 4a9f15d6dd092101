//! One call of a client, as its connection knows it.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use hikyaku_http2::{Body, Connection, Headers, StreamId, UserError};

use crate::compression::Chosen;
use crate::net::clock;
use crate::net::mailbox::{Closed, End, Mailbox, Open, Outbound, Patience};
use crate::net::replay::TooMuch;
use crate::{Metadata, Status};

/// A call that has a stream.
pub(super) struct Call {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) opened: Opened,
    answer: Answer,
}

/// What becomes of the beginning of a call when it gets a stream.
pub(super) struct Opened {
    pub(super) deadline: Option<Instant>,
    /// `Last` once our side has ended.
    pub(super) request: Body,
    pub(super) replay: Replay,
    /// Whether another call can end this one.
    pub(super) is_linked: bool,
}

/// What there is of a call's requests when it gets a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// They are over, and there was none.
    None,
    /// All of them, and they are short.
    Whole,
    /// Some, or many, and there may be more.
    Coming,
}

/// What is left to make a call again with.
pub(super) enum Replay {
    /// All of it.
    Kept(Box<Open>),
    /// Not enough: it has sent too much.
    Lost,
    /// The server has begun to answer: there is no again.
    Answered,
}

/// What has come of the answer.
enum Answer {
    /// Little, and its reader wants it whole: it is given to the mailbox with the end, at one go.
    Kept {
        head: Option<Headers>,
        coding: Option<Chosen>,
        data: Bytes,
    },
    /// It is in the mailbox.
    Told,
}

impl Call {
    pub(super) fn new(mailbox: Arc<Mailbox>, opened: Opened) -> Self {
        let answer = match mailbox.patience() {
            Patience::Eager => Answer::Told,
            Patience::Whole => Answer::Kept {
                head: None,
                coding: None,
                data: Bytes::new(),
            },
        };
        Self {
            mailbox,
            opened,
            answer,
        }
    }

    /// Whether its deadline has passed.
    pub(super) fn is_late(&self) -> bool {
        let deadline = self.opened.deadline;
        deadline.is_some_and(|deadline| deadline <= clock::now())
    }

    /// The answer has begun.
    pub(super) fn on_head(&mut self, headers: Headers, chosen: Option<Chosen>) {
        self.opened.replay = Replay::Answered;
        match &mut self.answer {
            Answer::Kept { head, coding, .. } => {
                *head = Some(headers);
                *coding = chosen;
            }
            Answer::Told => self.mailbox.deliver_head(headers, chosen),
        }
    }

    /// Some of the answer's messages has come.
    pub(super) fn on_data(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if let Answer::Kept { data, .. } = &mut self.answer
            && data.is_empty()
            && bytes.len() < self.mailbox.release_len()
        {
            *data = bytes;
            return;
        }
        self.tell();
        self.mailbox.deliver_data(bytes);
    }

    /// Gives what was kept to the mailbox, and what comes from here on.
    fn tell(&mut self) {
        let answer = mem::replace(&mut self.answer, Answer::Told);
        if let Answer::Kept { head, coding, data } = answer {
            if let Some(head) = head {
                self.mailbox.deliver_head(head, coding);
            }
            if !data.is_empty() {
                self.mailbox.deliver_data(data);
            }
        }
    }

    /// The call has ended well.
    pub(super) fn complete(self, trailers: Metadata) {
        let has_sent_all = self.opened.request == Body::Last && !self.opened.is_linked;
        // Nobody sends any more, and who reads the answer reads the end with it.
        if !has_sent_all || matches!(self.answer, Answer::Told) {
            self.mailbox.close_outbound(Closed::Answered);
        }
        self.deliver(End::Complete(trailers));
    }

    /// The call has failed.
    pub(super) fn fail(self, status: &Status) {
        // In this order: who has read the end must not be able to send any more.
        self.mailbox.close_outbound(Closed::Failed(status.clone()));
        self.deliver(End::Failed(status.clone()));
    }

    fn deliver(self, end: End) {
        match self.answer {
            Answer::Kept { head, coding, data } => {
                self.mailbox.deliver_answer(head, coding, data, end);
            }
            Answer::Told => self.mailbox.deliver_end(end),
        }
    }
}

impl Requests {
    /// What there is when a call gets a stream.
    pub(super) fn of(open: &Open, outbound: &Outbound) -> Self {
        if outbound.end.is_none() || !open.sent.is_empty() {
            return Self::Coming;
        }
        match outbound.bytes.len() {
            0 => Self::None,
            1..=MAX_COPIED_LEN => Self::Whole,
            _ => Self::Coming,
        }
    }
}

impl Opened {
    pub(super) fn new(open: Box<Open>, is_linked: bool) -> Self {
        Self {
            deadline: open.deadline,
            request: Body::More,
            replay: Replay::Kept(open),
            is_linked,
        }
    }

    /// Sends what an earlier attempt has sent and what has come since, unless it went with the
    /// headers. Gives back the waker of a `send` that waits for room.
    pub(super) fn begin(
        &mut self,
        id: StreamId,
        requests: Requests,
        outbound: &mut Outbound,
        out: &mut Connection,
    ) -> Option<Waker> {
        match requests {
            Requests::None => self.request = Body::Last,
            Requests::Whole => self.keep_last(mem::take(&mut outbound.bytes)),
            Requests::Coming => {
                let has_ended = outbound.end.is_some() && outbound.bytes.is_empty();
                self.send_again(id, has_ended, out);
                return self.send(id, outbound, out);
            }
        }
        outbound.release()
    }

    /// Sends what an earlier attempt has sent, and the half-close if nothing follows.
    fn send_again(&mut self, id: StreamId, has_ended: bool, out: &mut Connection) {
        let Replay::Kept(open) = &self.replay else {
            return;
        };
        let mut chunks = open.sent.chunks().peekable();
        while let Some(chunk) = chunks.next() {
            if has_ended && chunks.peek().is_none() {
                self.request = Body::Last;
            }
            let _ = out.send_data(id, chunk, self.request);
        }
    }

    /// Moves framed messages and the half-close to the connection. Gives back the waker of a `send`
    /// that waits for room.
    pub(super) fn send(
        &mut self,
        id: StreamId,
        outbound: &mut Outbound,
        out: &mut Connection,
    ) -> Option<Waker> {
        if self.request == Body::Last {
            return None;
        }
        let end = match outbound.end {
            Some(_) => Body::Last,
            None => Body::More,
        };
        if end == Body::Last && outbound.bytes.len() <= MAX_COPIED_LEN {
            let bytes = mem::take(&mut outbound.bytes);
            send_whole(id, &bytes, out);
            self.keep_last(bytes);
            return outbound.release();
        }
        let replay = &mut self.replay;
        let waker = outbound.hand_over(id, out, end, |piece| {
            if let Replay::Kept(open) = replay
                && open.sent.keep(piece) == Err(TooMuch)
            {
                *replay = Replay::Lost;
            }
        });
        if end == Body::Last && outbound.bytes.is_empty() {
            self.request = Body::Last;
        }
        waker
    }

    /// The last of the requests have been sent.
    fn keep_last(&mut self, bytes: BytesMut) {
        if let Replay::Kept(open) = &mut self.replay
            && open.sent.keep_last(bytes) == Err(TooMuch)
        {
            self.replay = Replay::Lost;
        }
        self.request = Body::Last;
    }
}

/// Sends the last of a call's requests, few bytes or none, and the half-close.
fn send_whole(id: StreamId, bytes: &[u8], out: &mut Connection) {
    // An error means that the stream has gone: its call ends, too.
    let _ = out.write_data(id, Body::Last, |tail| {
        tail.extend_from_slice(bytes);
        Ok::<_, UserError>(())
    });
}

/// Requests up to this length are copied into the output, as it would copy them in any case. Bytes.
const MAX_COPIED_LEN: usize = 4096;
