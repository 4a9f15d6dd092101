//! The samples of one scenario, and the table they make.

use std::fmt;

use crate::load::Scenario;

/// One run of one server.
#[derive(Clone, Copy)]
pub struct Sample {
    /// CPU time of the server per call, in microseconds.
    pub micros: f64,
    pub calls_per_second: f64,
}

/// What the servers cost in one scenario.
pub struct Table {
    scenario: Scenario,
    rows: Vec<(String, Vec<Sample>)>,
}

impl Table {
    /// An empty table with a row for each server.
    pub fn new<'a>(scenario: &Scenario, servers: impl Iterator<Item = &'a str>) -> Self {
        let rows = servers
            .map(|server| (server.to_owned(), Vec::new()))
            .collect();
        Self {
            scenario: *scenario,
            rows,
        }
    }

    /// Adds a run to a server's row.
    pub fn push(&mut self, server: &str, sample: Sample) {
        if let Some((_, samples)) = self.rows.iter_mut().find(|(name, _)| name == server) {
            samples.push(sample);
        }
    }

    /// The cheapest run of a server: the one with the least noise in it.
    pub fn min_micros(&self, server: &str) -> Option<f64> {
        let (_, samples) = self.rows.iter().find(|(name, _)| name == server)?;
        samples
            .iter()
            .map(|sample| sample.micros)
            .min_by(f64::total_cmp)
    }

    /// How many times a run costs the cheapest run of `server`.
    fn ratio(&self, micros: f64, server: &str) -> String {
        match self.min_micros(server) {
            Some(min) => format!("{:.2}x", micros / min),
            None => "-".to_owned(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} (connections x streams), {} calls a run, server CPU in us per call",
            self.scenario, self.scenario.calls
        )?;
        write!(f, "{:<10}{:>8}{:>8}{:>8}", "server", "median", "min", "max")?;
        write!(f, "{:>12}{:>10}{:>10}", "calls/s", "to floor", "to tonic")?;
        for (server, samples) in &self.rows {
            let micros = sorted(samples.iter().map(|sample| sample.micros));
            let rates = sorted(samples.iter().map(|sample| sample.calls_per_second));
            let (Some(min), Some(max)) = (micros.first(), micros.last()) else {
                continue;
            };
            let (median, rate) = (micros[micros.len() / 2], rates[rates.len() / 2]);
            write!(
                f,
                "\n{server:<10}{median:>8.2}{min:>8.2}{max:>8.2}{rate:>12.0}"
            )?;
            write!(
                f,
                "{:>10}{:>10}",
                self.ratio(*min, "floor"),
                self.ratio(*min, "tonic")
            )?;
        }
        Ok(())
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
