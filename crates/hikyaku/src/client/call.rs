//! One call of a client, as its connection knows it.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
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

impl Opened {
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
            self.send_whole(id, outbound, out);
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

    /// Sends the rest of the requests, which is short or nothing at all, and the half-close.
    fn send_whole(&mut self, id: StreamId, outbound: &mut Outbound, out: &mut Connection) {
        let bytes = mem::take(&mut outbound.bytes);
        // An error means that the stream has gone: its call ends, too.
        let _ = out.write_data(id, Body::Last, |tail| {
            tail.extend_from_slice(&bytes);
            Ok::<_, UserError>(())
        });
        if let Replay::Kept(open) = &mut self.replay
            && open.sent.keep_last(bytes) == Err(TooMuch)
        {
            self.replay = Replay::Lost;
        }
        self.request = Body::Last;
    }
}

/// Sends what an earlier attempt has sent, and the half-close if nothing follows. Gives back whether
/// more does.
pub(super) fn send_again(id: StreamId, open: &Open, has_ended: bool, out: &mut Connection) -> Body {
    let mut chunks = open.sent.chunks().peekable();
    let mut body = Body::More;
    while let Some(chunk) = chunks.next() {
        if has_ended && chunks.peek().is_none() {
            body = Body::Last;
        }
        let _ = out.send_data(id, chunk, body);
    }
    body
}

/// Requests up to this length are copied into the output, as it would copy them in any case. Bytes.
const MAX_COPIED_LEN: usize = 4096;
