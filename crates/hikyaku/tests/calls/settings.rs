//! A server that changes its mind about its SETTINGS while calls run.

use std::time::Duration;

use hikyaku::Channel;
use hikyaku_testkit::link::End;
use hikyaku_testkit::raw::{Frame, RawPeer};
use hikyaku_testkit::virtual_time;
use hikyaku_testkit::virtual_time::settle;

use crate::in_memory::{
    Calling, Network, Seen, answer, answer_end, answer_head, collect, read_numbers, read_request,
};

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

async fn connect() -> (Channel, RawPeer<End>) {
    let network = Network::new();
    let mut door = network.listen();
    let channel = network.channel();
    let asking = channel.clone();
    let first = tokio::spawn(async move { asking.ask("/first/Call", 1).await });
    let mut server = door.raw_server(&[]).await;
    read_request(&mut server, 1).await;
    server.send(&answer(1, 1)).await;
    first.await.unwrap().unwrap();
    (channel, server)
}

#[test]
fn calls_wait_out_a_lower_stream_limit_and_open_ones_go_on() {
    for limit in [0, 1, 2] {
        virtual_time::run(async {
            let (channel, mut server) = connect().await;
            let mut open = Vec::new();
            for stream in [3, 5, 7] {
                open.push(channel.list("/any/Call", u64::from(stream)).await);
                read_request(&mut server, stream).await;
            }
            let settings = [(MAX_CONCURRENT_STREAMS, limit)];
            server.send(&Frame::settings(&settings)).await;
            settle().await;
            let asking = channel.clone();
            let waiting = tokio::spawn(async move { asking.ask("/any/Call", 9).await });
            settle().await;
            for (stream, replies) in [3, 5, 7].into_iter().zip(open) {
                server.send(&answer(stream, u64::from(stream))).await;
                assert_eq!(collect(replies).await.0, [u64::from(stream)]);
            }
            settle().await;
            assert!(!waiting.is_finished());
            if limit == 0 {
                // It was not sent: a stream of this number would be one.
                let settings = [(MAX_CONCURRENT_STREAMS, 1)];
                server.send(&Frame::settings(&settings)).await;
            }
            read_request(&mut server, 9).await;
            server.send(&answer(9, 81)).await;
            assert_eq!(waiting.await.unwrap().unwrap().into_message(), 81);
        });
    }
}

#[test]
fn header_tables_change_between_calls() {
    let table: [&[(u16, u32)]; 8] = [
        &[(HEADER_TABLE_SIZE, 0)],
        &[(HEADER_TABLE_SIZE, 4096)],
        &[(HEADER_TABLE_SIZE, 0), (HEADER_TABLE_SIZE, 4096)],
        &[(HEADER_TABLE_SIZE, 100)],
        &[(HEADER_TABLE_SIZE, 0), (HEADER_TABLE_SIZE, 60)],
        &[(HEADER_TABLE_SIZE, 0)],
        &[(HEADER_TABLE_SIZE, u32::MAX)],
        &[],
    ];
    virtual_time::run(async {
        let (channel, mut server) = connect().await;
        let mut stream = 3;
        let mut before: Option<Seen> = None;
        for settings in table.iter().cycle().take(40) {
            server.send(&Frame::settings(settings)).await;
            settle().await;
            // The reader of blocks forgets what the update says, and fails if it was not told.
            for _ in 0..2 {
                let asking = channel.clone();
                let call = tokio::spawn(async move { asking.ask("/any/Call", 5).await });
                let seen = read_request(&mut server, stream).await;
                if let Some(before) = before.replace(seen.clone()) {
                    assert_eq!(before.fields, seen.fields);
                }
                server.send(&answer(stream, 25)).await;
                assert_eq!(call.await.unwrap().unwrap().into_message(), 25);
                stream += 2;
            }
        }
    });
}

#[test]
fn windows_and_frames_change_under_a_call_in_both_directions() {
    let table: [&[&[(u16, u32)]]; 5] = [
        &[&[(INITIAL_WINDOW_SIZE, 0)]],
        &[&[(INITIAL_WINDOW_SIZE, 1)], &[(INITIAL_WINDOW_SIZE, 0)]],
        &[&[(INITIAL_WINDOW_SIZE, 0), (MAX_FRAME_SIZE, 100_000)]],
        &[&[
            (MAX_FRAME_SIZE, 16_777_215),
            (INITIAL_WINDOW_SIZE, 5),
            (MAX_FRAME_SIZE, 16_384),
        ]],
        &[
            &[(INITIAL_WINDOW_SIZE, 60_000), (INITIAL_WINDOW_SIZE, 0)],
            &[(HEADER_TABLE_SIZE, 0)],
        ],
    ];
    for changes in table {
        virtual_time::run(async {
            let (channel, mut server) = connect().await;
            let (mut sender, mut replies) = channel.talk("/any/Call", ()).await;
            let sending = tokio::spawn(async move {
                for number in 0..20_000 {
                    sender.send(number).await.unwrap();
                }
            });
            // The window of 65,535 bytes is spent, and taken away.
            let window = 65_535;
            let mut seen = read_numbers(&mut server, 3, 5000).await;
            for entries in changes {
                server.send(&Frame::settings(entries)).await;
            }
            settle().await;
            assert!(!sending.is_finished());
            // The way back goes on meanwhile.
            server.send(&answer_head(3)).await;
            for number in 0..100_u64 {
                let message = Frame::message(3, &number.to_be_bytes(), false);
                server.send(&message).await;
                assert_eq!(replies.next().await.unwrap(), Some(number));
            }
            // The debt is paid: not a byte comes. Then the rest does.
            server.send(&Frame::window_update(0, 1_000_000)).await;
            server
                .send(&Frame::window_update(3, window as u32 - 100))
                .await;
            settle().await;
            assert!(!sending.is_finished());
            assert!(seen.data.len() <= window);
            server
                .send(&Frame::settings(&[(INITIAL_WINDOW_SIZE, 1_000_000)]))
                .await;
            while !seen.take(server.read_on(3).await) {}
            assert_eq!(seen.data.len(), 20_000 * 13);
            assert!(seen.numbers() == (0..20_000).collect::<Vec<_>>());
            server.send(&answer_end(3)).await;
            assert_eq!(replies.next().await.unwrap(), None);
            sending.await.unwrap();
        });
    }
}

#[test]
fn calls_run_through_settings_that_never_rest() {
    virtual_time::run(async {
        let (channel, mut server) = connect().await;
        let calls: Vec<_> = (0..200_u64)
            .map(|n| {
                let channel = channel.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(n * 7)).await;
                    channel.ask("/any/Call", n).await
                })
            })
            .collect();
        let mut answered_count = 0;
        let mut round = 0_u32;
        while answered_count < 200 {
            round += 1;
            let settings = [
                (MAX_CONCURRENT_STREAMS, round % 4),
                (INITIAL_WINDOW_SIZE, (round % 3) * 30_000),
                (HEADER_TABLE_SIZE, (round % 5) * 50),
                (MAX_FRAME_SIZE, 16_384 + round % 7),
            ];
            server.send(&Frame::settings(&settings)).await;
            let moment = Duration::from_millis(10);
            while let Ok(frame) = tokio::time::timeout(moment, server.read()).await {
                let frame = frame.expect("the client stays");
                if frame.ends_stream() {
                    let Frame::Data { stream, data, .. } = frame else {
                        panic!("{frame:?}")
                    };
                    let n = u64::from_be_bytes(data[5..].try_into().unwrap());
                    server.send(&answer(stream, n * n)).await;
                    answered_count += 1;
                }
            }
        }
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await.unwrap().unwrap().into_message(), n * n);
        }
    });
}
