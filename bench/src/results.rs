//! What was measured: for every scenario and subject its metrics, run by run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What is measured of a subject in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// CPU time of the server per call or message, in microseconds.
    ServerMicros,
    /// CPU time of the load or client per call or message, in microseconds.
    ClientMicros,
    /// Calls or messages per second.
    Rate,
    /// Calls per second that were offered, where the load does not wait.
    Offered,
    /// MiB of message bodies per second, in one direction.
    MibPerSecond,
    P50Micros,
    P99Micros,
    P999Micros,
    /// The most memory the server held, in MiB.
    PeakMib,
    /// Memory of the server for each idle connection or stream, in KiB.
    EachKib,
    BuildSeconds,
    Crates,
    SizeKib,
}

impl Metric {
    /// All, in the order of the tables.
    pub const ALL: [Self; 13] = [
        Self::ServerMicros,
        Self::ClientMicros,
        Self::Rate,
        Self::Offered,
        Self::MibPerSecond,
        Self::P50Micros,
        Self::P99Micros,
        Self::P999Micros,
        Self::PeakMib,
        Self::EachKib,
        Self::BuildSeconds,
        Self::Crates,
        Self::SizeKib,
    ];

    /// The name in `latest.json` and `targets.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerMicros => "server_us",
            Self::ClientMicros => "client_us",
            Self::Rate => "rate",
            Self::Offered => "offered",
            Self::MibPerSecond => "mib_s",
            Self::P50Micros => "p50_us",
            Self::P99Micros => "p99_us",
            Self::P999Micros => "p999_us",
            Self::PeakMib => "peak_mib",
            Self::EachKib => "each_kib",
            Self::BuildSeconds => "build_s",
            Self::Crates => "crates",
            Self::SizeKib => "size_kib",
        }
    }

    /// The metric of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// One figure for all runs. Noise only ever adds cost, so the cheapest run is the truest; a
    /// percentile is noise by nature, and the middle run stands for it.
    fn summary(self, samples: &[f64]) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let index = match self {
            Self::ServerMicros | Self::ClientMicros | Self::EachKib | Self::BuildSeconds => 0,
            Self::Crates | Self::SizeKib => 0,
            Self::Rate | Self::MibPerSecond | Self::PeakMib => sorted.len() - 1,
            Self::Offered | Self::P50Micros | Self::P99Micros | Self::P999Micros => {
                sorted.len() / 2
            }
        };
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }
}

/// One subject in one scenario.
#[derive(Clone, Debug)]
pub struct Row {
    pub subject: String,
    samples: BTreeMap<Metric, Vec<f64>>,
}

impl Row {
    pub fn new(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            samples: BTreeMap::new(),
        }
    }

    /// Adds what one run measured.
    pub fn push(&mut self, metric: Metric, value: f64) {
        self.samples.entry(metric).or_default().push(value);
    }

    /// What all runs measured, as one figure.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        let samples = self.samples.get(&metric)?;
        Some(metric.summary(samples)).filter(|value| value.is_finite())
    }
}

/// All subjects of one scenario.
#[derive(Clone, Debug)]
pub struct Section {
    pub name: String,
    pub group: String,
    pub title: String,
    pub unit: &'static str,
    pub rows: Vec<Row>,
}

impl Section {
    pub fn get(&self, subject: &str, metric: Metric) -> Option<f64> {
        self.rows
            .iter()
            .find(|row| row.subject == subject)?
            .get(metric)
    }
}

/// One run of the bench.
#[derive(Default)]
pub struct Results {
    /// What it was measured on.
    pub machine: Vec<(String, String)>,
    /// How it was measured.
    pub method: Vec<String>,
    /// What was not measured, and why.
    pub left_out: Vec<(String, String)>,
    pub sections: Vec<Section>,
    /// What went wrong.
    pub failures: Vec<String>,
}

impl Results {
    pub fn section(&self, scenario: &str) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.name == scenario)
    }

    /// Everything, with every run's figures.
    pub fn to_json(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            let rows = section.rows.iter().map(|row| {
                let metrics = row.samples.iter().map(|(metric, samples)| {
                    let figures = json!({"value": metric.summary(samples), "runs": samples});
                    (metric.name().to_owned(), figures)
                });
                let metrics: serde_json::Map<String, Value> = metrics.collect();
                json!({"subject": row.subject, "metrics": metrics})
            });
            json!({
                "scenario": section.name,
                "group": section.group,
                "title": section.title,
                "unit": section.unit,
                "rows": rows.collect::<Vec<_>>(),
            })
        });
        json!({
            "machine": pairs(&self.machine),
            "method": self.method,
            "left_out": pairs(&self.left_out),
            "sections": sections.collect::<Vec<_>>(),
            "failures": self.failures,
        })
    }
}

fn pairs(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| json!([name, value]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Metric, Row};

    #[test]
    fn the_cheapest_run_the_best_rate_and_the_middle_percentile_count() {
        let table = [
            (Metric::ServerMicros, 1.0),
            (Metric::Rate, 3.0),
            (Metric::P99Micros, 2.0),
        ];
        for (metric, want) in table {
            let mut row = Row::new("any");
            for value in [3.0, 1.0, 2.0] {
                row.push(metric, value);
            }
            assert_eq!(row.get(metric), Some(want), "{}", metric.name());
        }
        assert_eq!(Row::new("any").get(Metric::Rate), None);
    }

    #[test]
    fn every_metric_is_found_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.name()), Some(metric));
        }
    }
}
