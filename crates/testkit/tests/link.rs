//! The network in memory does what it is told to, and the same again for the same seed.

#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "what is not as expected fails the test"
)]

use std::io::{ErrorKind, IoSlice};
use std::task::Poll;
use std::time::Duration;

use hikyaku_testkit::link::{Fate, Weather, pair};
use hikyaku_testkit::random::for_each_seed;
use hikyaku_testkit::{Random, virtual_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

fn weather(fate: Fate) -> Weather {
    let mut weather = Weather::fine();
    weather.fates = [fate, Fate::Lasts];
    weather
}

#[test]
fn bytes_come_through_in_order_whatever_the_weather() {
    for_each_seed(0..200, |seed| {
        virtual_time::run(async {
            let mut random = Random::new(seed);
            let mut weather = Weather::bad(&mut random);
            weather.fates = [Fate::Lasts; 2];
            let (mut near, mut far) = pair(&weather, &mut random);
            let sent: Vec<u8> = (0..3000)
                .map(|_| random.number().to_le_bytes()[0])
                .collect();
            let expected = sent.clone();
            let writing = tokio::spawn(async move {
                near.write_all(&sent).await.unwrap();
                near.shutdown().await.unwrap();
                near
            });
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, expected);
            writing.await.unwrap();
        });
    });
}

#[test]
fn the_same_seed_takes_the_same_time() {
    let time = |seed| {
        virtual_time::run(async move {
            let mut random = Random::new(seed);
            let mut weather = Weather::fine();
            weather.latency = Duration::from_millis(20);
            weather.stall_once_in = 3;
            weather.stall = Duration::from_secs(2);
            weather.max_chunk_len = 100;
            weather.capacity = 100;
            let (mut near, mut far) = pair(&weather, &mut random);
            let start = Instant::now();
            let writing = tokio::spawn(async move { near.write_all(&[1; 2000]).await });
            let mut got = Vec::new();
            far.read_to_end(&mut got).await.unwrap();
            writing.await.unwrap().unwrap();
            start.elapsed()
        })
    };
    assert_eq!(time(5), time(5));
    assert_ne!(time(5), time(6));
    assert!(time(5) > Duration::from_secs(4), "{:?}", time(5));
}

#[test]
fn a_cut_is_a_reset_at_both_ends() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&weather(Fate::CutAt(10)), &mut Random::new(0));
        let broken = near.write_all(&[7; 20]).await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
        let mut got = [0; 20];
        assert_eq!(
            far.read(&mut got).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            near.read(&mut got).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            far.write(&got).await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_half_that_ends_leaves_the_other_half() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&weather(Fate::EndsAt(10)), &mut Random::new(0));
        near.write_all(&[7; 20]).await.unwrap();
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [7; 10]);
        far.write_all(b"back").await.unwrap();
        drop(far);
        got.clear();
        near.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"back");
        assert_eq!(
            near.write(b"?").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_held_cable_carries_nothing_until_it_is_released() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&Weather::fine(), &mut Random::new(0));
        near.cable().hold();
        near.write_all(b"abc").await.unwrap();
        let mut got = [0; 3];
        let waited = tokio::time::timeout(Duration::from_secs(9), far.read_exact(&mut got)).await;
        assert!(waited.is_err());
        near.cable().release();
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"abc");
        assert_eq!(near.cable().carried_len(), [3, 0]);
    });
}

#[test]
fn a_writer_waits_for_the_reader() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&Weather::fine(), &mut Random::new(0));
        let much = vec![1; 1 << 20];
        let waited = tokio::time::timeout(Duration::from_secs(9), near.write_all(&much)).await;
        assert!(waited.is_err());
        assert_eq!(near.cable().carried_len(), [256 * 1024, 0]);
        let mut got = vec![0; 256 * 1024];
        far.read_exact(&mut got).await.unwrap();
        near.write_all(b"more").await.unwrap();
    });
}

/// When each of these bytes arrives, written at once into such a network.
fn arrivals(weather: &Weather, len: usize) -> Vec<Duration> {
    virtual_time::run(async {
        let (mut near, mut far) = pair(weather, &mut Random::new(0));
        let start = Instant::now();
        let writing = tokio::spawn(async move {
            near.write_all(&vec![1; len]).await.unwrap();
            near
        });
        let mut arrivals = Vec::new();
        while arrivals.len() < len {
            let mut got = vec![0; len];
            let got_len = far.read(&mut got).await.unwrap();
            arrivals.extend((0..got_len).map(|_| start.elapsed()));
        }
        writing.await.unwrap();
        arrivals
    })
}

#[test]
fn a_slow_line_carries_byte_by_byte() {
    let mut weather = Weather::fine();
    weather.bytes_per_second = Some(1);
    let seconds: Vec<u64> = arrivals(&weather, 5)
        .iter()
        .map(Duration::as_secs)
        .collect();
    assert_eq!(seconds, [1, 2, 3, 4, 5]);
}

#[test]
fn latency_comes_on_top_of_the_rate_and_once() {
    let mut weather = Weather::fine();
    weather.bytes_per_second = Some(1000);
    weather.latency = Duration::from_millis(70);
    let arrivals = arrivals(&weather, 500);
    assert_eq!(arrivals[0], Duration::from_millis(71));
    assert_eq!(arrivals[499], Duration::from_millis(570));
}

#[test]
fn an_idle_line_saves_nothing_up() {
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(1000);
        let (mut near, mut far) = pair(&weather, &mut Random::new(0));
        tokio::time::sleep(Duration::from_secs(100)).await;
        let start = Instant::now();
        near.write_all(&[1; 500]).await.unwrap();
        far.read_exact(&mut [0; 500]).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(500));
    });
}

#[test]
fn a_gigabit_for_seconds_takes_its_time_and_little_of_ours() {
    const RATE: u64 = 125_000_000;
    const LEN: u64 = 4 * RATE;
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(RATE);
        weather.latency = Duration::from_millis(50);
        weather.capacity = 16 << 20;
        let (mut near, mut far) = pair(&weather, &mut Random::new(0));
        let start = Instant::now();
        let writing = tokio::spawn(async move {
            let piece = vec![7; 64 * 1024];
            let mut rest = LEN as usize;
            while rest > 0 {
                rest -= near.write(&piece[..piece.len().min(rest)]).await.unwrap();
            }
            near
        });
        let mut got = vec![0; 256 * 1024];
        let mut got_len = 0;
        while got_len < LEN {
            got_len += far.read(&mut got).await.unwrap() as u64;
        }
        writing.await.unwrap();
        let over = start.elapsed() - Duration::from_millis(4050);
        assert!(over <= Duration::from_millis(2), "{over:?} too late");
    });
}

#[test]
fn the_capacity_bounds_what_is_under_way_on_a_slow_line() {
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(1000);
        weather.capacity = 100;
        let (mut near, mut far) = pair(&weather, &mut Random::new(0));
        let waited = tokio::time::timeout(Duration::from_secs(9), near.write_all(&[1; 1000])).await;
        assert!(waited.is_err());
        assert_eq!(near.cable().carried_len(), [100, 0]);
        far.read_exact(&mut [0; 100]).await.unwrap();
    });
}

#[test]
fn a_vectored_write_is_one_write() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&Weather::fine(), &mut Random::new(0));
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 4);
        let mut got = [0; 9];
        assert_eq!(far.read(&mut got).await.unwrap(), 4);
        assert_eq!(&got[..4], b"abcd");
    });
}

#[test]
fn the_weather_changes_for_what_is_written_later() {
    virtual_time::run(async {
        let mut weather = Weather::fine();
        weather.bytes_per_second = Some(1);
        weather.fates = [Fate::CutAt(1000); 2];
        let (mut near, mut far) = pair(&weather, &mut Random::new(0));
        let start = Instant::now();
        near.write_all(&[1; 10]).await.unwrap();
        near.cable().change_weather(Weather::fine());
        near.write_all(&[1; 10_000]).await.unwrap();
        far.read_exact(&mut [0; 10_010]).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    });
}

#[test]
fn polls_that_come_to_nothing_are_counted_until_something_happens() {
    virtual_time::run(async {
        let (mut near, mut far) = pair(&Weather::fine(), &mut Random::new(0));
        let cable = near.cable();
        let mut got = [0; 9];
        let mut poll = async |times: u64| {
            for _ in 0..times {
                assert!(far.read(&mut got).now_or_never().await.is_none());
            }
        };
        poll(3).await;
        assert_eq!(cable.max_idle_polls(), 3);
        cable.stir();
        poll(3).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        poll(3).await;
        assert_eq!(cable.max_idle_polls(), 3);
        near.write_all(b"abc").await.unwrap();
        assert_eq!(far.read(&mut got).await.unwrap(), 3);
        assert_eq!(cable.max_idle_polls(), 3);
    });
}

/// What a future comes to when it is polled once.
trait NowOrNever: Future + Sized {
    async fn now_or_never(self) -> Option<Self::Output> {
        let mut this = std::pin::pin!(self);
        std::future::poll_fn(|cx| match this.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }
}

impl<F: Future> NowOrNever for F {}

#[test]
#[should_panic(expected = "the test hangs")]
fn a_test_that_hangs_fails() {
    virtual_time::run(std::future::pending::<()>());
}
