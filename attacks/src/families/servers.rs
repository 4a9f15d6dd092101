//! A hostile server against a client with default settings: floods, storms and endless answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hikyaku_testkit::raw::{Frame, block, frame, kind};

use super::calls::setting;
use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Trouble};
use crate::hostile::{Hostile, count, describe, response, send_out};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new(21, "client-max-frame-size-0", |arena| {
        Box::pin(bad_frame_size(arena))
    }),
    Attack::new(19, "client-origin-frames", |arena| {
        Box::pin(flood(arena, |_| frame(0x0c, 0, 0, &[0x61; 16_384])))
    }),
    Attack::new(19, "client-altsvc-frames", |arena| {
        Box::pin(flood(arena, |_| frame(0x0a, 0, 0, &[0x61; 16_384])))
    }),
    Attack::new(42, "client-push-promise", |arena| {
        Box::pin(flood(arena, push_promise))
    }),
    Attack::new(42, "client-endless-1xx", |arena| {
        Box::pin(flood_behind(arena, |_| Vec::new(), early_hints))
    }),
    Attack::new(42, "client-endless-headers", |arena| {
        Box::pin(flood(arena, more_headers))
    }),
    Attack::new(42, "client-endless-continuation", |arena| {
        Box::pin(flood_behind(arena, block_begun, continuation))
    }),
    Attack::new(42, "client-ping-flood", |arena| {
        Box::pin(flood(arena, |_| Frame::ping(false, [7; 8])))
    }),
    Attack::new(42, "client-settings-flood", |arena| {
        Box::pin(flood(arena, |_| {
            Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 1)])
        }))
    }),
    Attack::new(42, "client-window-update-flood", |arena| {
        Box::pin(flood(arena, |_| Frame::window_update(0, 1)))
    }),
    Attack::new(42, "client-empty-data", |arena| {
        Box::pin(flood(arena, |stream| Frame::data(stream, &[], false)))
    }),
    Attack::new(42, "client-goaway-flood", |arena| {
        Box::pin(flood(arena, |stream| Frame::go_away(stream, 0, "")))
    }),
    Attack::new(42, "client-resets-of-one-stream", |arena| {
        Box::pin(flood(arena, |stream| Frame::reset(stream, 8)))
    }),
    Attack::new(42, "client-windows-below-zero", |arena| {
        Box::pin(windows_below_zero(arena))
    }),
    Attack::new(42, "client-no-streams-allowed", |arena| {
        Box::pin(no_streams(arena))
    })
    .waiting(),
    Attack::new(42, "client-reset-storm", |arena| {
        Box::pin(reset_storm(arena))
    }),
    Attack::new(42, "client-goaway-storm", |arena| {
        Box::pin(goaway_storm(arena))
    })
    .waiting(),
    Attack::new(42, "client-slow-drip", |arena| Box::pin(slow_drip(arena))).waiting(),
];

/// Frames for a call that never ends otherwise.
const FLOOD: usize = 1_000_000;

/// A frame for a stream.
type Make = fn(u32) -> Vec<u8>;

/// The same frame a million times, behind the response headers of a call.
async fn flood(arena: Arena, make: Make) -> Result<Outcome, Trouble> {
    flood_behind(arena, response, make).await
}

async fn flood_behind(arena: Arena, first: Make, make: Make) -> Result<Outcome, Trouble> {
    let is_cut_off = Arc::new(AtomicBool::new(false));
    let cut_off = Arc::clone(&is_cut_off);
    let server = Hostile::start(&[], move |mut guest| {
        let cut_off = Arc::clone(&cut_off);
        async move {
            let stream = guest.opened().await?;
            guest.send(&first(stream)).await?;
            if guest.flood(FLOOD, &make(stream)).await.is_none() {
                cut_off.store(true, Ordering::Relaxed);
            }
            guest.linger().await
        }
    })
    .await?;
    let findings = send_out(&arena, server.journey("Echo", 1)).await?;
    let words = describe(&findings);
    let outcome = match is_cut_off.load(Ordering::Relaxed) {
        true => Outcome::cut_off(words),
        false => Outcome::served(words),
    };
    Ok(outcome
        .must(
            count(&findings, "Ok") == 0,
            "the call cannot have succeeded",
        )
        .must(findings.slowest_millis < 8000, "its deadline was 5 s"))
}

fn push_promise(stream: u32) -> Vec<u8> {
    let payload = [&[0, 0, 0, 2][..], &block(&[(":path", "/")])].concat();
    frame(5, 4, stream, &payload)
}

fn early_hints(stream: u32) -> Vec<u8> {
    Frame::headers(stream, &block(&[(":status", "103")]), false)
}

fn more_headers(stream: u32) -> Vec<u8> {
    Frame::headers(stream, &block(&[("x", "y")]), false)
}

fn block_begun(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, 0, stream, &block(&[(":status", "200")]))
}

fn continuation(stream: u32) -> Vec<u8> {
    frame(kind::CONTINUATION, 0, stream, &[])
}

/// SETTINGS_MAX_FRAME_SIZE below what there is: a client that obeyed would cut blocks for ever.
async fn bad_frame_size(arena: Arena) -> Result<Outcome, Trouble> {
    let mut outcome = Outcome::served("the client");
    for value in [0, 1, 16_383, 1 << 24] {
        let server = Hostile::start(&[], move |mut guest| async move {
            guest
                .send(&Frame::settings(&[(setting::MAX_FRAME_SIZE, value)]))
                .await?;
            guest.answer_all().await
        })
        .await?;
        let mut journey = server.journey("Consume", 3);
        journey.bytes = 100_000;
        let findings = send_out(&arena, journey).await?;
        let good = count(&findings, "Ok");
        outcome = outcome
            .and(format!("{value}: {}", describe(&findings)))
            .must(good == 0, format!("{value} was taken"));
    }
    Ok(outcome)
}

/// Windows that are taken away and given again while the client sends.
async fn windows_below_zero(arena: Arena) -> Result<Outcome, Trouble> {
    const LEN: u64 = 500_000;
    let server = Hostile::start(&[], |mut guest| async move {
        let stream = guest.opened().await?;
        for turn in 0..2000 {
            let len = if turn % 2 == 0 { 0 } else { 65_535 };
            let settings = Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, len)]);
            guest.send(&settings).await?;
            let _ = tokio::time::timeout(Duration::from_millis(1), guest.opened()).await;
        }
        let grants = [
            Frame::window_update(0, LEN as u32),
            Frame::window_update(stream, LEN as u32),
        ];
        guest.send(&grants.concat()).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        guest.answer(stream).await?;
        guest.linger().await
    })
    .await?;
    let mut journey = server.journey("Consume", 1);
    (journey.bytes, journey.timeout_millis) = (LEN, 20_000);
    let findings = send_out(&arena, journey).await?;
    let is_good = count(&findings, "Ok") == 1;
    Ok(Outcome::served(describe(&findings)).must(is_good, "a rude server is no bad one"))
}

/// No stream is ever allowed: calls wait, and their deadlines end them.
async fn no_streams(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u32 = 5000;
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    let settings = &[(MAX_CONCURRENT_STREAMS, 0)];
    let server = Hostile::start(settings, |guest| guest.answer_all()).await?;
    let mut journey = server.journey("Echo", CALLS);
    journey.at_once = CALLS;
    let findings = send_out(&arena, journey).await?;
    let ended = count(&findings, "DeadlineExceeded");
    // The first may be on their way before the client has read its server's SETTINGS.
    let good = count(&findings, "Ok");
    Ok(Outcome::served(describe(&findings))
        .must(
            ended + good == CALLS,
            "every call should end by its deadline",
        )
        .must(findings.slowest_millis < 8000, "its deadline was 5 s"))
}

/// Every call is reset at once.
async fn reset_storm(arena: Arena) -> Result<Outcome, Trouble> {
    const CALLS: u32 = 10_000;
    let server = Hostile::start(&[], |mut guest| async move {
        loop {
            let stream = guest.opened().await?;
            // REFUSED_STREAM and INTERNAL_ERROR in turn.
            let code = if stream % 4 == 1 { 7 } else { 2 };
            guest.send(&Frame::reset(stream, code)).await?;
        }
    })
    .await?;
    let mut journey = server.journey("Echo", CALLS);
    journey.at_once = 50;
    let findings = send_out(&arena, journey).await?;
    let connections = server.accepted_count();
    let words = format!("{}, {connections} connections", describe(&findings));
    Ok(Outcome::worked(words)
        .must(count(&findings, "Ok") == 0, "no call can have succeeded")
        .must(connections < 20, "resets are no reason to connect anew"))
}

/// Every connection is closed as soon as it stands: the client must not come back at once.
async fn goaway_storm(arena: Arena) -> Result<Outcome, Trouble> {
    let server = Hostile::start(&[], |mut guest| async move {
        let _ = tokio::time::timeout(Duration::from_millis(20), guest.opened()).await;
        guest.send(&Frame::go_away(0, 0, "not today")).await
    })
    .await?;
    let mut journey = server.journey("Echo", 20);
    (journey.at_once, journey.timeout_millis) = (20, 20_000);
    let findings = send_out(&arena, journey).await?;
    let connections = server.accepted_count();
    let words = format!("{}, {connections} connections in 20 s", describe(&findings));
    Ok(Outcome::served(words).must(
        connections <= 40,
        format!("{connections} connections in 20 s are no backoff"),
    ))
}

/// An octet of a reply in a second, for ever.
async fn slow_drip(arena: Arena) -> Result<Outcome, Trouble> {
    let server = Hostile::start(&[], |mut guest| async move {
        let stream = guest.opened().await?;
        guest.send(&response(stream)).await?;
        guest
            .send(&Frame::data(stream, &[0, 0, 1, 0, 0], false))
            .await?;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            guest.send(&Frame::data(stream, &[0], false)).await?;
        }
    })
    .await?;
    let mut journey = server.journey("Echo", 1);
    journey.timeout_millis = 15_000;
    let findings = send_out(&arena, journey).await?;
    let is_right = count(&findings, "DeadlineExceeded") == 1;
    Ok(Outcome::served(describe(&findings))
        .must(is_right, "the deadline should end it")
        .must(findings.slowest_millis < 18_000, "its deadline was 15 s"))
}
