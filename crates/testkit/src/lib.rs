//! What the tests of hikyaku stand on: two ends in memory, a clock that is turned by hand, a
//! network that misbehaves by a seed, and a peer that writes its frames itself.
//!
//! ```text
//! Pair            two hikyaku_http2 connections, joined; no runtime at all
//! link            two byte streams of tokio with a network between them
//! raw             a peer that speaks frames, and knows nothing of hikyaku_http2
//! virtual_time    runs a test on a stopped clock, and ends one that hangs
//! random          chance that can be repeated: `SEED=17 cargo test`
//! live            counts what is alive, to see that dropping is cancelling
//! ```

#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a helper of tests fails the test"
)]

pub mod link;
pub mod live;
pub mod pair;
pub mod random;
pub mod raw;
pub mod virtual_time;

pub use live::Live;
pub use pair::Pair;
pub use random::Random;
