//! One attack made and judged.

use std::time::{Duration, Instant};

use crate::arena::Arena;
use crate::attack::{Attack, Outcome, Pace, Scale, Trouble};
use crate::healthy::{Calls, Healthy, Phase};
use crate::victim::{Cores, Victim};

/// How long the healthy client has the victim for itself, and how long it is looked at at least
/// while the attack runs and after it.
const BEFORE: Duration = Duration::from_secs(1);
const DURING: Duration = Duration::from_millis(500);
const AFTER: Duration = Duration::from_millis(300);

/// No attack takes longer.
const MAX_TIME: Duration = Duration::from_secs(240);

/// Growth of resident memory for one attacking connection, and for a hundred and more. KiB.
const MAX_GROWTH: u64 = 16 * 1024;
const MAX_GROWTH_OF_MANY: u64 = 256 * 1024;

/// Share of a core that an attacker may take who was not cut off.
const MAX_CPU_SHARE: f64 = 0.25;

/// CPU time that is too little to be a share of anything: two ticks of the clock it is read from.
const MIN_CPU: Duration = Duration::from_millis(20);

/// Handlers of one connection that may run at once: the default limit of concurrent streams.
const MAX_HANDLERS: u32 = 100;

/// How often slower 99 of 100 healthy calls may become.
const MAX_P99_RATIO: f64 = 3.0;

/// Whether times are judged, or only told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latency {
    Told,
    Judged,
}

/// What an attack cost, what came of it, and what was wrong with that.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) attack: Attack,
    pub(crate) words: String,
    /// Growth of resident memory at its peak. KiB.
    pub(crate) growth: u64,
    pub(crate) cpu: Duration,
    pub(crate) took: Duration,
    pub(crate) handler_peak: u32,
    pub(crate) calls: Calls,
    pub(crate) faults: Vec<String>,
}

impl Verdict {
    /// Share of a core that the victim used while it was attacked.
    pub(crate) fn cpu_share(&self) -> f64 {
        self.cpu.as_secs_f64() / self.took.as_secs_f64().max(0.001)
    }

    /// How often slower healthy calls became.
    pub(crate) fn p99_ratio(&self) -> Option<f64> {
        let before = self.calls.p99(Phase::Before)?;
        let during = self.calls.p99(Phase::During)?;
        Some(during.as_secs_f64() / before.as_secs_f64())
    }
}

/// Makes an attack, and judges it.
pub(crate) async fn hold(attack: Attack, cores: &Cores, latency: Latency) -> Verdict {
    match tokio::time::timeout(MAX_TIME, measure(attack, cores)).await {
        Ok(Ok((verdict, may_be_busy))) => judge(verdict, may_be_busy, latency),
        Ok(Err(trouble)) => no_verdict(attack, trouble.to_string()),
        Err(_) => no_verdict(attack, format!("no end after {} s", MAX_TIME.as_secs())),
    }
}

fn no_verdict(attack: Attack, fault: String) -> Verdict {
    Verdict {
        attack,
        words: String::new(),
        growth: 0,
        cpu: Duration::ZERO,
        took: Duration::ZERO,
        handler_peak: 0,
        calls: Calls::default(),
        faults: vec![fault],
    }
}

/// A verdict with the attack's own faults only, and whether it may have taken all of the CPU: it was
/// cut off for it, or it was work.
async fn measure(attack: Attack, cores: &Cores) -> Result<(Verdict, bool), Trouble> {
    let arena = Arena::open(Victim::start_server(cores)?).await?;
    let victim = &arena.victim;
    let per_second = match attack.pace {
        Pace::Fast => 250,
        Pace::Waits => 25,
    };
    let healthy = Healthy::start(arena.addr(), per_second).await?;
    arena.handlers().await?;
    tokio::time::sleep(BEFORE).await;

    healthy.enter(Phase::During);
    victim.forget_peak();
    let (resident, cpu, began) = (victim.resident(), victim.cpu(), Instant::now());
    // A task of its own, so that a panic in it is a failure of this attack alone.
    let outcome = tokio::spawn((attack.run)(arena.clone())).await;
    let took = began.elapsed();
    let cpu = victim.cpu().saturating_sub(cpu);
    tokio::time::sleep(DURING.saturating_sub(took)).await;

    healthy.enter(Phase::After);
    tokio::time::sleep(AFTER).await;
    let calls = healthy.end().await;
    let Outcome {
        words,
        is_cut_off,
        is_work,
        mut faults,
    } = match outcome {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(trouble)) => Outcome::served("").must(false, trouble.to_string()),
        Err(panicked) => Outcome::served("").must(false, panicked.to_string()),
    };
    let handler_peak = match arena.handlers().await {
        Ok(report) => report.connection_peak,
        Err(status) => {
            faults.push(format!("the handlers cannot be asked for: {status}"));
            0
        }
    };
    if !victim.is_alive() {
        faults.push("the victim died".to_owned());
    }
    let growth = victim.resident_peak().saturating_sub(resident);
    let verdict = Verdict {
        attack,
        words,
        growth,
        cpu,
        took,
        handler_peak,
        calls,
        faults,
    };
    Ok((verdict, is_cut_off || is_work))
}

/// Adds the faults that any attack can show.
fn judge(mut verdict: Verdict, may_be_busy: bool, latency: Latency) -> Verdict {
    let max_growth = match verdict.attack.scale {
        Scale::One => MAX_GROWTH,
        Scale::Hundred => MAX_GROWTH_OF_MANY,
    };
    if verdict.growth > max_growth {
        verdict.faults.push(format!(
            "memory grew by {} MiB, {} are allowed",
            verdict.growth / 1024,
            max_growth / 1024
        ));
    }
    let share = verdict.cpu_share();
    if !may_be_busy && verdict.cpu > MIN_CPU && share > MAX_CPU_SHARE {
        verdict.faults.push(format!(
            "{:.0}% of a core for an attacker that is not cut off, {:.0}% are allowed",
            share * 100.0,
            MAX_CPU_SHARE * 100.0
        ));
    }
    if verdict.handler_peak > MAX_HANDLERS {
        verdict.faults.push(format!(
            "{} handlers of one connection ran at once, {MAX_HANDLERS} are allowed",
            verdict.handler_peak
        ));
    }
    if let Some(first) = verdict.calls.lost.first() {
        verdict.faults.push(format!(
            "{} healthy calls were lost, the first: {first}",
            verdict.calls.lost.len()
        ));
    }
    if let Some(ratio) = verdict.p99_ratio()
        && latency == Latency::Judged
        && ratio > MAX_P99_RATIO
    {
        verdict.faults.push(format!(
            "the p99 of healthy calls became {ratio:.1} times as long, {MAX_P99_RATIO} are allowed"
        ));
    }
    verdict
}
