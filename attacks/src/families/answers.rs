//! Tables of what one connection says and what must come back, a connection for each row.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::arena::Arena;
use crate::attack::{Outcome, Trouble};
use crate::attacker::{Greeting, Manner, Seen, code_name};

/// Rows tried at once.
const AT_ONCE: usize = 20;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Saying {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) greeting: Greeting,
    /// Each answer that is right.
    pub(crate) want: Vec<String>,
}

impl Saying {
    /// Behind a whole greeting.
    pub(crate) fn new(name: impl Into<String>, bytes: Vec<u8>, want: &[&str]) -> Self {
        Self {
            name: name.into(),
            bytes,
            greeting: Greeting::Whole,
            want: want.iter().map(|&want| want.to_owned()).collect(),
        }
    }

    /// Instead of a greeting.
    pub(crate) fn first(name: impl Into<String>, bytes: Vec<u8>, want: &[&str]) -> Self {
        Self {
            greeting: Greeting::None,
            ..Self::new(name, bytes, want)
        }
    }
}

/// Says all of it; every answer must be a right one, and `handlers` handlers start.
pub(crate) async fn try_all(
    arena: &Arena,
    sayings: Vec<Saying>,
    handlers: u64,
) -> Result<Outcome, Trouble> {
    let started = arena.handlers().await?.started;
    let sockets = arena.victim.socket_count();
    let (count, mut wrong) = (sayings.len(), Vec::new());
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    let mut trials = JoinSet::new();
    let mut left = sayings.into_iter();
    loop {
        while trials.len() < AT_ONCE
            && let Some(saying) = left.next()
        {
            let arena = arena.clone();
            trials.spawn(async move {
                let got = answer(&arena, &saying).await?;
                Ok::<_, Trouble>((saying, got))
            });
        }
        let Some(trial) = trials.join_next().await else {
            break;
        };
        let (saying, got) = trial??;
        if !saying.want.contains(&got) {
            wrong.push(format!(
                "{}: {got}, want {}",
                saying.name,
                saying.want.join(" or ")
            ));
        }
        *answers.entry(got).or_default() += 1;
    }
    arena
        .wait_until(Duration::from_secs(10), |victim| {
            victim.socket_count() <= sockets
        })
        .await;
    let sockets_left = arena.victim.socket_count().saturating_sub(sockets);
    let started = arena.handlers().await?.started - started;
    let answers: Vec<_> = answers
        .iter()
        .map(|(answer, count)| format!("{count} x {answer}"))
        .collect();
    let mut outcome = Outcome::served(format!("{count} shapes: {}", answers.join(", ")))
        .must(
            started == handlers,
            format!("{started} handlers were started, {handlers} should be"),
        )
        .must(
            sockets_left == 0,
            format!("{sockets_left} sockets stay open"),
        );
    for wrong in wrong {
        outcome = outcome.must(false, wrong);
    }
    Ok(outcome)
}

/// What comes back: how the connection ended, else how the call did.
async fn answer(arena: &Arena, saying: &Saying) -> Result<String, Trouble> {
    let mut attacker = arena
        .attacker_with(Manner {
            greeting: saying.greeting,
            ..Manner::default()
        })
        .await?;
    let _ = attacker.send(&saying.bytes).await;
    attacker
        .wait_for(PATIENCE, |seen| seen.end_count + seen.reset_count() > 0)
        .await;
    // A call that is answered may be reset, and a stream that is reset be followed by more.
    attacker
        .wait_for(Duration::from_millis(300), |_| false)
        .await;
    Ok(words(&attacker.seen()))
}

/// The end of what came back, in words.
fn words(seen: &Seen) -> String {
    if let Some(go_away) = &seen.go_away {
        return format!("GOAWAY {}", code_name(go_away.code));
    }
    if let Some((status, _)) = seen.statuses.first_key_value() {
        return format!("grpc {status}");
    }
    if let Some((status, _)) = seen.http_statuses.first_key_value() {
        return format!("http {status}");
    }
    if let Some((&code, _)) = seen.resets.first_key_value() {
        return format!("RST_STREAM {}", code_name(code));
    }
    match seen.is_closed {
        true => "closed".to_owned(),
        false => "nothing".to_owned(),
    }
}
