//! What really happened in one run, as both sides saw it, and what of that must not have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use hikyaku::{Code, Metadata, Status};
use hikyaku_testkit::Live;
use hikyaku_testkit::live::Guard;
use tokio::time::Instant;

use super::plan::{Kind, Order, Plan, Storm, Turn};
use crate::in_memory::Network;

/// The key of the call's number, in requests, replies and statuses.
pub(super) const NUMBER_KEY: &str = "x-number";

/// The calls of a run.
#[derive(Clone)]
pub(super) struct Ledger {
    records: Arc<Mutex<HashMap<u64, Arc<Record>>>>,
    live: Live,
    network: Network,
}

/// One call.
pub(super) struct Record {
    pub(super) plan: Plan,
    network: Network,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) handler_count: usize,
    pub(super) handler_end: Option<HandlerEnd>,
    /// Requests the handler has read, and whether it has read their end.
    pub(super) read_count: usize,
    pub(super) has_read_end: bool,
    /// Replies it has sent.
    pub(super) sent_count: usize,
    pub(super) started_at: Option<Instant>,
    /// How the call ended at the client: each time it did.
    pub(super) ends: Vec<(Instant, CallEnd)>,
    /// Replies the client has read.
    pub(super) reply_count: usize,
    pub(super) faults: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandlerEnd {
    Well,
    Badly,
    /// It was dropped, or it panicked.
    Dropped,
}

#[derive(Debug)]
pub(super) enum CallEnd {
    Well,
    Badly(Status),
    /// The caller has left it.
    Left,
}

/// A handler that runs.
pub(super) struct Run {
    record: Arc<Record>,
    _guard: Guard,
}

impl Ledger {
    pub(super) fn new(network: &Network) -> Self {
        Self {
            records: Arc::default(),
            live: Live::new(),
            network: network.clone(),
        }
    }

    pub(super) fn add(&self, plan: Plan) -> Arc<Record> {
        let record = Arc::new(Record {
            network: self.network.clone(),
            plan,
            seen: Mutex::default(),
        });
        let mut records = self.records.lock().unwrap();
        records.insert(record.plan.number, Arc::clone(&record));
        record
    }

    /// A handler was called with this metadata.
    pub(super) fn run(&self, metadata: &Metadata) -> Run {
        let number = metadata.get(NUMBER_KEY).unwrap().parse().unwrap();
        let record = Arc::clone(&self.records.lock().unwrap()[&number]);
        record.seen().handler_count += 1;
        if metadata.get("x-more") != record.plan.metadata.as_deref() {
            record.fault("the request's metadata is damaged");
        }
        Run {
            record,
            _guard: self.live.guard(),
        }
    }

    /// Handlers that have not ended.
    pub(super) fn live_count(&self) -> usize {
        self.live.count()
    }

    /// What is known of the calls that have not ended.
    pub(super) fn open_calls(&self) -> String {
        let records = self.records.lock().unwrap();
        let told = |record: &Arc<Record>| {
            let seen = record.seen();
            let is_open = seen.ends.is_empty();
            is_open.then(|| format!("\n{:?}\n{seen:?}\n", record.plan))
        };
        records.values().filter_map(told).collect()
    }

    /// Everything that went wrong.
    pub(super) fn faults(&self, storm: &Storm) -> Vec<String> {
        let records = self.records.lock().unwrap();
        let mut faults = Vec::new();
        for record in records.values() {
            record.check_handler();
            record.check_call(storm);
            let (plan, seen) = (&record.plan, record.seen());
            if !seen.faults.is_empty() {
                faults.push(format!("{:?}\n{plan:?}\n{seen:?}", seen.faults));
            }
        }
        faults
    }
}

impl Record {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.stir();
        self.seen.lock().unwrap()
    }

    /// Something has happened here.
    pub(super) fn stir(&self) {
        self.network.stir();
    }

    pub(super) fn fault(&self, what: impl Into<String>) {
        self.seen().faults.push(what.into());
    }

    /// What goes beside the messages.
    pub(super) fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        let number = self.plan.number.to_string();
        metadata.insert(NUMBER_KEY, &number).unwrap();
        if let Some(more) = &self.plan.metadata {
            metadata.insert("x-more", more).unwrap();
        }
        metadata
    }

    pub(super) fn check_metadata(&self, got: &Metadata, what: &str) {
        let number = self.plan.number.to_string();
        if got.get(NUMBER_KEY) != Some(&number)
            || got.get("x-more") != self.plan.metadata.as_deref()
        {
            self.fault(format!("{what} are damaged: {got:?}"));
        }
    }

    /// The status of a handler that fails.
    pub(super) fn own_status(&self) -> Status {
        let message = format!("call {} shall fail", self.plan.number);
        Status::failed_precondition(message).with_metadata(self.metadata())
    }

    fn check_handler(&self) {
        let (plan, seen) = (&self.plan, self.seen());
        let mut faults = Vec::new();
        if seen.handler_count > 1 {
            faults.push("it was handled twice");
        }
        if seen.handler_count == 1 && seen.handler_end.is_none() {
            faults.push("its handler has not ended");
        }
        let was_left = seen
            .ends
            .iter()
            .any(|(_, end)| matches!(end, CallEnd::Left));
        // Who drops the sender of a bidirectional call ends its requests.
        let may_be_short = plan.kind == Kind::Bidi && was_left;
        if seen.has_read_end && seen.read_count < plan.requests.len() && !may_be_short {
            faults.push("its requests ended before the last");
        }
        drop(seen);
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    fn check_call(&self, storm: &Storm) {
        let plan = &self.plan;
        let seen = self.seen();
        let mut faults = Vec::new();
        match seen.ends.as_slice() {
            [(at, end)] => {
                if let Some(fault) = self.fault_of(&seen, *at, end, storm) {
                    faults.push(fault);
                }
                let is_lossless = storm.is_lossless();
                if is_lossless && plan.is_to_go_well() && !matches!(end, CallEnd::Well) {
                    faults.push("the network lost nothing, and the call was lost".to_owned());
                }
            }
            ends => faults.push(format!("it ended {} times", ends.len())),
        }
        drop(seen);
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    /// What is wrong with the way it ended.
    fn fault_of(&self, seen: &Seen, at: Instant, end: &CallEnd, storm: &Storm) -> Option<String> {
        let plan = &self.plan;
        let status = match end {
            CallEnd::Left => return None,
            CallEnd::Badly(status) => status,
            CallEnd::Well if seen.handler_end != Some(HandlerEnd::Well) => {
                return Some("it went well, and its handler did not".to_owned());
            }
            CallEnd::Well if seen.reply_count != seen.sent_count => {
                return Some("it went well, and replies are missing".to_owned());
            }
            CallEnd::Well if plan.turn == Turn::None && seen.sent_count < plan.replies.len() => {
                return Some("it went well, and was not done".to_owned());
            }
            CallEnd::Well => return None,
        };
        let is_allowed = match status.code() {
            Code::FailedPrecondition => {
                plan.turn == Turn::Fails
                    && seen.handler_end == Some(HandlerEnd::Badly)
                    && status.message() == self.own_status().message()
                    && status.metadata().get(NUMBER_KEY) == Some(&plan.number.to_string())
            }
            Code::Unknown => plan.turn == Turn::Panics && status.message().contains("panicked"),
            Code::DeadlineExceeded => {
                let deadline = plan.timeout.zip(seen.started_at);
                deadline.is_some_and(|(timeout, start)| start + timeout <= at)
            }
            Code::Unavailable | Code::Cancelled => !storm.is_lossless(),
            _ => false,
        };
        (!is_allowed).then(|| format!("it must not end with {status:?}"))
    }
}

impl Run {
    pub(super) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// The handler is about to return.
    pub(super) fn end<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        self.record.seen().handler_end = Some(match result {
            Ok(_) => HandlerEnd::Well,
            Err(_) => HandlerEnd::Badly,
        });
        result
    }

    /// In which order it reads and writes.
    pub(super) fn order(&self) -> Order {
        self.record.plan.order
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut seen = self.record.seen();
        seen.handler_end.get_or_insert(HandlerEnd::Dropped);
    }
}
