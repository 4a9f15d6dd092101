//! No call is lost in any order of events: every sequence of a few of them, against a server that
//! writes its frames by hand and keeps the books.

use std::collections::BTreeMap;
use std::time::Duration;

use hikyaku::{Channel, Code, Response, Status};
use hikyaku_testkit::link::{Cable, End};
use hikyaku_testkit::raw::{Frame, RawPeer};
use hikyaku_testkit::virtual_time;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::in_memory::{Calling, Door, Network, answer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The client makes a call with one request.
    Call,
    /// The client makes a call whose requests come later.
    Stream,
    /// The server answers what it has read in full.
    Answer,
    /// The server refuses what it has and has not answered.
    Refuse,
    /// GOAWAY with the highest number there is.
    Warn,
    /// GOAWAY with the last stream that was answered: what came after it is left out.
    Leave,
    /// The server closes the connection.
    Fin,
    /// The connection breaks.
    Cut,
    /// No stream may be opened.
    Close,
    /// One stream may be open.
    Narrow,
}

use Step::{Answer, Call, Close, Cut, Fin, Leave, Narrow, Refuse, Stream, Warn};

const STEPS: [Step; 10] = [
    Call, Stream, Answer, Refuse, Warn, Leave, Fin, Cut, Close, Narrow,
];

/// How long anything takes to come through.
const MOMENT: Duration = Duration::from_millis(1);

/// What became of one call at the servers.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    answered_count: usize,
    left_out_count: usize,
    /// A connection was lost while the call was open.
    may_be_lost: bool,
}

/// A connection at the server.
struct Line {
    peer: RawPeer<End>,
    cable: Cable,
    /// The number in each open request, and whether the request has ended.
    open: BTreeMap<u32, Request>,
    last_answered: u32,
    /// The last stream of the latest GOAWAY.
    last_stream: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Request {
    number: Option<u64>,
    has_ended: bool,
}

/// The client, the servers it finds one after another, and the books.
struct World {
    channel: Channel,
    door: Door,
    lines: Vec<Line>,
    calls: Vec<JoinHandle<Result<Response<u64>, Status>>>,
    records: Vec<Record>,
    hang_up_count: usize,
}

impl World {
    async fn new() -> Self {
        let network = Network::new();
        let door = network.listen();
        let mut world = Self {
            channel: network.channel(),
            door,
            lines: Vec::new(),
            calls: Vec::new(),
            records: Vec::new(),
            hang_up_count: 0,
        };
        // A first call, so that the connection is one of some use.
        world.step(Call).await;
        world.step(Answer).await;
        world
    }

    async fn step(&mut self, step: Step) {
        match step {
            Call => {
                let (channel, number) = (self.channel.clone(), self.calls.len() as u64);
                let call = async move { channel.ask("/any/Call", number).await };
                self.add(tokio::spawn(call));
            }
            Stream => {
                let (channel, number) = (self.channel.clone(), self.calls.len() as u64);
                self.add(tokio::spawn(async move {
                    let mut call = channel.tell("/any/Call", ()).await;
                    let _ = call.send(number).await;
                    sleep(3 * MOMENT).await;
                    call.finish().await
                }));
            }
            Answer => self.answer().await,
            Refuse => self.refuse().await,
            Warn => self.go_away(|_| (1 << 31) - 1).await,
            Leave => self.go_away(|line| line.last_answered).await,
            Fin | Cut => self.hang_up(step),
            Close => self.limit(0).await,
            Narrow => self.limit(1).await,
        }
        self.absorb().await;
    }

    fn add(&mut self, call: JoinHandle<Result<Response<u64>, Status>>) {
        self.calls.push(call);
        self.records.push(Record::default());
    }

    /// Takes in what the client has said.
    async fn absorb(&mut self) {
        sleep(MOMENT).await;
        while let Some(end) = self.door.try_next() {
            let cable = end.cable();
            self.lines.push(Line {
                peer: RawPeer::server(end, &[]).await,
                cable,
                open: BTreeMap::new(),
                last_answered: 0,
                last_stream: u32::MAX,
            });
        }
        for line in &mut self.lines {
            while let Ok(Some(frame)) = timeout(MOMENT, line.peer.read()).await {
                line.take(frame);
            }
        }
    }

    async fn answer(&mut self) {
        for line in &mut self.lines {
            for (stream, request) in line.open.clone() {
                let (Some(number), true) = (request.number, request.has_ended) else {
                    continue;
                };
                let sent = line.peer.try_send(&answer(stream, number * number)).await;
                // Nobody is there to hear it, perhaps.
                let record = &mut self.records[number as usize];
                record.answered_count += 1;
                record.may_be_lost |= sent.is_err();
                line.open.remove(&stream);
                line.last_answered = line.last_answered.max(stream);
            }
        }
    }

    async fn refuse(&mut self) {
        for line in &mut self.lines {
            while let Some((stream, request)) = line.open.pop_first() {
                let _ = line.peer.try_send(&Frame::reset(stream, 7)).await;
                leave_out(&mut self.records, request);
            }
        }
    }

    /// Says goodbye on the newest connection.
    async fn go_away(&mut self, last_stream: impl Fn(&Line) -> u32) {
        let Some(line) = self.lines.last_mut() else {
            return;
        };
        line.last_stream = line.last_stream.min(last_stream(line));
        let frame = Frame::go_away(line.last_stream, 0, "");
        let _ = line.peer.try_send(&frame).await;
        for (_, request) in line.open.split_off(&(line.last_stream + 1)) {
            leave_out(&mut self.records, request);
        }
    }

    fn hang_up(&mut self, step: Step) {
        let Some(line) = self.lines.pop() else {
            return;
        };
        self.hang_up_count += 1;
        if step == Cut {
            line.cable.cut();
        }
        for (record, call) in self.records.iter_mut().zip(&self.calls) {
            record.may_be_lost |= !call.is_finished();
        }
    }

    async fn limit(&mut self, streams: u32) {
        for line in &mut self.lines {
            let _ = line.peer.try_send(&Frame::settings(&[(3, streams)])).await;
        }
    }

    /// From here on the server is a good one: every call ends.
    async fn finish(mut self, steps: &[Step]) {
        let mut round_count = 0;
        while !self.calls.iter().all(JoinHandle::is_finished) {
            self.limit(100).await;
            self.absorb().await;
            self.answer().await;
            sleep(Duration::from_millis(200)).await;
            round_count += 1;
            assert!(round_count < 1000, "{steps:?}: a call is lost");
        }
        for (number, (call, record)) in (0_u64..).zip(self.calls.into_iter().zip(&self.records)) {
            let context = format!("{steps:?}: call {number}, {record:?}");
            match call.await.expect("a call ends once") {
                Ok(response) => {
                    assert_eq!(response.into_message(), number * number, "{context}");
                    assert_eq!(record.answered_count, 1, "{context}");
                }
                Err(status) => {
                    let context = format!("{context}: {status:?}");
                    assert_eq!(status.code(), Code::Unavailable, "{context}");
                    let is_left_out = record.left_out_count >= 2;
                    // A server that hangs up again and again is one that cannot be reached.
                    let is_unreachable = self.hang_up_count >= 2 && status.is_safe_to_retry();
                    let is_lost = record.may_be_lost || is_unreachable;
                    assert!(is_left_out || is_lost, "{context}");
                    if status.is_safe_to_retry() {
                        assert_eq!(record.answered_count, 0, "{context}");
                    } else {
                        assert!(record.may_be_lost, "{context}");
                    }
                }
            }
        }
    }
}

/// Notes that the server will not look at a request.
fn leave_out(records: &mut [Record], request: Request) {
    match request.number {
        Some(number) => records[number as usize].left_out_count += 1,
        // Its number has not come yet, so that it might be any.
        None => {
            for record in records {
                record.left_out_count += 1;
            }
        }
    }
}

impl Line {
    fn take(&mut self, frame: Frame) {
        let stream = frame.stream();
        if stream == 0 || stream > self.last_stream {
            return;
        }
        let ends = frame.ends_stream();
        match frame {
            Frame::Headers { .. } => {
                self.open.insert(stream, Request::default());
            }
            Frame::Data { data, .. } => {
                if let Some(request) = self.open.get_mut(&stream)
                    && let Some(number) = data.get(5..13)
                {
                    request.number = Some(u64::from_be_bytes(number.try_into().unwrap()));
                }
            }
            Frame::Reset { .. } => {
                self.open.remove(&stream);
            }
            _ => {}
        }
        if ends && let Some(request) = self.open.get_mut(&stream) {
            request.has_ended = true;
        }
    }
}

/// Runs every sequence of so many steps that begins like this.
fn every_order(first: &[Step], len: usize) {
    let count = STEPS.len().pow(len as u32);
    for index in 0..count {
        let mut steps = first.to_vec();
        let mut rest = index;
        for _ in 0..len {
            steps.push(STEPS[rest % STEPS.len()]);
            rest /= STEPS.len();
        }
        virtual_time::run(async {
            let mut world = World::new().await;
            for &step in &steps {
                world.step(step).await;
            }
            world.finish(&steps).await;
        });
    }
}

#[test]
fn a_call_and_any_three_events() {
    every_order(&[Call], 3);
}

#[test]
fn a_stream_and_any_three_events() {
    every_order(&[Stream], 3);
}

#[test]
fn two_calls_one_of_which_waits_and_any_two_events() {
    every_order(&[Narrow, Call, Stream], 2);
}

#[test]
fn a_goaway_in_the_middle_of_calls_and_any_two_events() {
    for goaway in [Warn, Leave, Refuse] {
        every_order(&[Call, Stream, goaway, Call], 2);
    }
}

#[test]
#[ignore = "takes a minute: 24,000 orders"]
fn calls_and_any_events_at_length() {
    every_order(&[Call], 4);
    every_order(&[Stream], 4);
    every_order(&[Narrow, Call, Stream], 3);
    for goaway in [Warn, Leave, Refuse] {
        every_order(&[Call, Stream, goaway, Call], 3);
    }
}
