//! Drives servers and clients in turns, scenario by scenario.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::certificates::Certificates;
use crate::cores::Cores;
use crate::load::{H2load, Load, Report, Run};
use crate::options::Options;
use crate::peers::Programs;
use crate::results::{Metric, Results, Row, Section};
use crate::scenario::{IDLE, Kind, LARGE, Scenario, Transport, Unit};
use crate::server::Server;

/// What all scenarios need.
pub struct Bench<'a> {
    pub options: &'a Options,
    pub programs: Programs,
    pub certificates: &'a Certificates,
    pub cores: Cores,
    pub h2load: Option<&'a H2load>,
    /// How many files a process may have open.
    pub max_files: u64,
}

/// What makes the calls.
enum Tool<'a> {
    Program(Load),
    H2load(&'a H2load),
}

/// A subject in a scenario, with the server it runs against or is.
struct Contestant<'a> {
    subject: String,
    server: Server,
    tool: Tool<'a>,
    scenario: Scenario,
    authority: Option<PathBuf>,
    /// Calls of a run, so that it lasts as long as wanted.
    calls: u64,
    /// Calls per second that are offered; `None` if calls wait for answers.
    rate: Option<f64>,
    row: Row,
    broken: Option<String>,
}

/// The floor server without HTTP: bytes there and back by TCP, or by rustls.
pub const RAW: &str = "raw";
/// How much of a server's saturation is offered when latency is measured.
const OFFERED: f64 = 0.7;
/// A server slower than this share of tonic's does not set the rate for all.
const SLOWEST: f64 = 0.25;
/// Streams whose handlers burn CPU beside the neighbour's calls.
const BURNING: u64 = 20;
/// Files a process needs for itself.
const SPARE_FILES: u64 = 200;
/// How long a server gets to give back what it took to open connections or streams.
const SETTLE: Duration = Duration::from_secs(2);

impl<'a> Bench<'a> {
    /// Measures one scenario and adds its section; what fails is noted there and the rest goes on.
    pub fn measure(&mut self, scenario: &Scenario, results: &mut Results) {
        let mut contestants = Vec::new();
        for subject in self.subjects(scenario) {
            let why = match scenario.kind {
                Kind::Client => None,
                _ if subject == RAW => None,
                _ => self.programs.cannot(subject, scenario),
            };
            if let Some(why) = why {
                let (what, why) = (format!("{subject} at {}", scenario.name), why.to_owned());
                results.left_out.push((what, why));
                continue;
            }
            match self.contestant(subject, scenario) {
                Ok(contestant) => contestants.push(contestant),
                Err(what) => {
                    results
                        .failures
                        .push(format!("{subject} at {}: {what}", scenario.name));
                }
            }
        }
        match scenario.kind {
            Kind::Closed | Kind::H2load | Kind::Client => self.closed(&mut contestants),
            Kind::OwnRate | Kind::SameRate => self.at_rate(scenario.kind, &mut contestants),
            Kind::Neighbour => self.neighbour(&mut contestants),
            Kind::IdleConnections | Kind::IdleStreams => self.idle(&mut contestants),
        }
        for contestant in &contestants {
            if let Some(what) = &contestant.broken {
                let subject = &contestant.subject;
                let failure = format!("{subject} at {}: {what}", scenario.name);
                eprintln!("FAILED {failure}");
                results.failures.push(failure);
            }
        }
        results.sections.push(Section {
            name: scenario.name.clone(),
            group: scenario.group.to_owned(),
            title: scenario.title(),
            unit: match scenario.unit() {
                Unit::Call => "call",
                Unit::Message => "message",
            },
            rows: contestants
                .into_iter()
                .map(|contestant| contestant.row)
                .collect(),
        });
    }

    /// The servers or clients that were built.
    fn subjects(&self, scenario: &Scenario) -> Vec<&'a str> {
        let (names, kind) = match scenario.kind {
            Kind::Client => (&self.options.clients, "client"),
            _ => (&self.options.servers, "server"),
        };
        let built = |name: &&str| self.programs.get(&package(name, kind)).is_some();
        // Without HTTP there are no streams: one call at a time.
        let is_raw_too = scenario.call == "echo" && scenario.size == Some(LARGE);
        let raw = (is_raw_too && scenario.streams == 1).then_some(RAW);
        let raw = raw.filter(|_| names.iter().any(|name| name == "floor"));
        raw.into_iter()
            .chain(names.iter().map(String::as_str).filter(built))
            .collect()
    }

    fn contestant(&self, subject: &str, scenario: &Scenario) -> Result<Contestant<'a>> {
        let mut scenario = scenario.clone();
        let (server, tool) = match scenario.kind {
            Kind::Client => ("floor", package(subject, "client")),
            _ if subject == RAW => ("floor", "generator".to_owned()),
            _ => (subject, "generator".to_owned()),
        };
        if subject == RAW {
            scenario.call = "echo-raw";
        }
        let core = self.cores.server;
        let command = self
            .programs
            .server(server, &scenario, core, self.certificates);
        let tool = match (scenario.kind, self.h2load) {
            (Kind::H2load, Some(h2load)) => Tool::H2load(h2load),
            (Kind::H2load, None) => return Err("h2load is not installed".into()),
            _ => {
                let program = self.programs.get(&tool);
                let program = program.ok_or_else(|| format!("{tool} was not built"))?;
                Tool::Program(Load {
                    program: program.to_owned(),
                    core: self.cores.load,
                })
            }
        };
        let tls = scenario.transport == Transport::Tls;
        Ok(Contestant {
            subject: subject.to_owned(),
            server: Server::start(server, command?)?,
            tool,
            calls: scenario.connections * scenario.streams,
            scenario,
            authority: tls.then(|| self.certificates.authority()),
            rate: None,
            row: Row::new(subject),
            broken: None,
        })
    }

    /// Streams that send their next call when the last one is answered.
    fn closed(&self, contestants: &mut [Contestant<'_>]) {
        in_turns(contestants, 1, |contestant| {
            contestant.calibrate(self.options)
        });
        in_turns(contestants, self.options.rounds, |contestant| {
            contestant.sample().map(drop)
        });
        in_turns(contestants, 1, Contestant::note_peak);
    }

    /// A load that does not wait, at a share of what each or all can do.
    fn at_rate(&self, kind: Kind, contestants: &mut [Contestant<'_>]) {
        in_turns(contestants, 1, |contestant| {
            contestant.calibrate(self.options)
        });
        in_turns(contestants, 1, |contestant| {
            let report = contestant.load(contestant.calls, None)?;
            contestant.rate = Some(OFFERED * report.calls as f64 / report.wall_s);
            Ok(())
        });
        if kind == Kind::SameRate {
            let rate_of = |contestant: &Contestant<'_>| contestant.rate.unwrap_or(f64::INFINITY);
            let tonic = contestants
                .iter()
                .find(|contestant| contestant.subject == "tonic");
            let least = tonic.map_or(0.0, |tonic| SLOWEST * rate_of(tonic));
            let rates = contestants
                .iter()
                .map(rate_of)
                .filter(|rate| *rate >= least);
            let offered = rates.fold(f64::INFINITY, f64::min);
            for contestant in &mut *contestants {
                contestant.rate = Some(offered).filter(|rate| rate.is_finite());
            }
        }
        in_turns(contestants, self.options.rounds, |contestant| {
            let rate = contestant.rate.ok_or("its saturation is not known")?;
            // The tail needs more calls than a mean does.
            contestant.calls = (2.0 * rate * self.options.time.as_secs_f64()) as u64;
            contestant.row.push(Metric::Offered, rate);
            contestant.sample().map(drop)
        });
        in_turns(contestants, 1, Contestant::note_peak);
    }

    /// Calls one at a time, while handlers on another connection burn CPU.
    fn neighbour(&self, contestants: &mut [Contestant<'_>]) {
        in_turns(contestants, self.options.rounds, |contestant| {
            let mut burn = contestant.scenario.clone();
            (burn.call, burn.streams) = ("burn", BURNING);
            let Tool::Program(load) = &contestant.tool else {
                return Ok(());
            };
            // More than the neighbour gives it time for.
            let _burning = load.start(&Run {
                scenario: &burn,
                address: contestant.server.address(),
                calls: 1_000_000,
                rate: None,
                authority: contestant.authority.as_deref(),
            })?;
            contestant.calls = 1;
            contestant.calibrate(self.options)?;
            contestant.calls *= 2;
            contestant.sample().map(drop)
        });
    }

    /// Memory of the server before and after connections or streams are open.
    fn idle(&self, contestants: &mut [Contestant<'_>]) {
        in_turns(contestants, 1, |contestant| {
            let idle = contestant.scenario.clone();
            let per_connection = idle.streams;
            let most = self.max_files.saturating_sub(SPARE_FILES);
            contestant.scenario.connections = idle.connections.min(most);
            let count = contestant.scenario.connections * per_connection;
            // What a server takes for its first calls is not the price of an idle one.
            let mut warm_up = idle.clone();
            (warm_up.call, warm_up.connections, warm_up.streams) = ("hello", 1, 10);
            contestant.with(warm_up, |contestant| contestant.load(1_000, None))?;
            let Tool::Program(load) = &contestant.tool else {
                return Ok(());
            };
            let before = contestant.server.resident_len()?;
            let mut open = load.start(&Run {
                scenario: &contestant.scenario,
                address: contestant.server.address(),
                calls: count,
                rate: None,
                authority: contestant.authority.as_deref(),
            })?;
            open.ready()?;
            thread::sleep(SETTLE);
            let after = contestant.server.resident_len()?;
            let each = after.saturating_sub(before) as f64 / count as f64 / 1024.0;
            contestant.row.push(Metric::EachKib, each);
            if count < IDLE {
                eprintln!("only {count} of {IDLE}: no more files may be open");
            }
            contestant.note_peak()
        });
    }
}

impl Contestant<'_> {
    /// Makes calls and returns what came of them.
    fn load(&self, calls: u64, rate: Option<f64>) -> Result<Report> {
        let run = Run {
            scenario: &self.scenario,
            address: self.server.address(),
            calls,
            rate,
            authority: self.authority.as_deref(),
        };
        match &self.tool {
            Tool::Program(load) => load.run(&run),
            Tool::H2load(h2load) => h2load.run(&run),
        }
    }

    /// Does something with another scenario in place.
    fn with<T>(
        &mut self,
        scenario: Scenario,
        act: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let ours = std::mem::replace(&mut self.scenario, scenario);
        let done = act(self);
        self.scenario = ours;
        done
    }

    /// Finds how many calls fill a run, which warms up as well.
    fn calibrate(&mut self, options: &Options) -> Result<()> {
        let (want, at_once) = (options.time.as_secs_f64(), self.calls);
        loop {
            let report = self.load(self.calls, None)?;
            let factor = want / report.wall_s.max(1e-6);
            let calls = (self.calls as f64 * factor.min(10.0)) as u64;
            self.calls = calls.min(options.max_calls).max(at_once);
            if factor < 8.0 || self.calls == options.max_calls {
                return Ok(());
            }
        }
    }

    /// One measured run.
    fn sample(&mut self) -> Result<Report> {
        let before = self.server.cpu_time()?;
        let report = self.load(self.calls, self.rate)?;
        let spent = self.server.cpu_time()?.saturating_sub(before);
        let units = (report.calls * self.scenario.messages.unwrap_or(1)) as f64;
        let row = &mut self.row;
        // Beside a neighbour the server's work is the neighbour's.
        if self.scenario.kind != Kind::Neighbour {
            row.push(Metric::ServerMicros, spent.as_secs_f64() * 1e6 / units);
        }
        row.push(Metric::Rate, units / report.wall_s);
        if let Some(size) = self.scenario.size.filter(|size| *size >= 1024) {
            let mib = units * size as f64 / f64::from(1 << 20);
            row.push(Metric::MibPerSecond, mib / report.wall_s);
        }
        // A load that keeps to a clock looks at it all the time.
        let client_cpu = report.cpu_s.filter(|_| self.rate.is_none());
        let optional = [
            (
                Metric::ClientMicros,
                client_cpu.map(|seconds| seconds * 1e6 / units),
            ),
            (Metric::P50Micros, report.p50_us),
            (Metric::P99Micros, report.p99_us),
            (Metric::P999Micros, report.p999_us),
        ];
        for (metric, value) in optional {
            if let Some(value) = value {
                row.push(metric, value);
            }
        }
        Ok(report)
    }

    /// Notes the most memory the server held.
    fn note_peak(&mut self) -> Result<()> {
        let peak = self.server.peak_len()? as f64 / f64::from(1 << 20);
        self.row.push(Metric::PeakMib, peak);
        Ok(())
    }
}

/// Does something with each, round by round, so that a slow minute of the machine hits all. What
/// fails is out.
fn in_turns<'a>(
    contestants: &mut [Contestant<'a>],
    rounds: usize,
    mut act: impl FnMut(&mut Contestant<'a>) -> Result<()>,
) {
    for _ in 0..rounds {
        for contestant in contestants
            .iter_mut()
            .filter(|contestant| contestant.broken.is_none())
        {
            if let Err(what) = act(contestant) {
                let server = &contestant.server;
                let mut what = what.to_string();
                if !server.complaints().is_empty() {
                    what = format!("{what} ({} says: {})", server.name(), server.complaints());
                }
                contestant.broken = Some(what);
            }
        }
    }
}

fn package(name: &str, kind: &str) -> String {
    match name {
        // It is a client of its own.
        "generator" => name.to_owned(),
        _ => format!("{name}-{kind}"),
    }
}
