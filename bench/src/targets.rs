//! What hikyaku is to reach, and whether it does.

use std::fmt;
use std::fs;

use serde::Deserialize;

use crate::Result;
use crate::peers::manifest_folder;
use crate::results::{Metric, Results};

/// The targets of `targets.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    target: Vec<Target>,
}

/// One line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    says: String,
    value: Figure,
    over: Option<Figure>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    ci: Option<f64>,
}

/// `SCENARIO SUBJECT METRIC`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Figure {
    scenario: String,
    subject: String,
    metric: Metric,
}

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// What became of a target.
pub struct Verdict {
    pub says: String,
    limit: Limit,
    /// What CI enforces.
    enforced: Option<Limit>,
    /// `None` where the scenario was run without a figure.
    measured: Option<f64>,
}

impl Targets {
    /// Reads `targets.toml`.
    ///
    /// # Errors
    /// The file is not as its head says.
    pub fn read() -> Result<Self> {
        let path = manifest_folder().join("targets.toml");
        let targets: Self = toml::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        for target in &targets.target {
            target
                .limit()
                .ok_or_else(|| format!("{}: one limit, please", target.says))?;
        }
        Ok(targets)
    }

    /// Compares what was measured; what was not to be measured has no verdict.
    pub fn judge(&self, results: &Results) -> Vec<Verdict> {
        let was_run = |figure: &Figure| {
            let section = results.section(&figure.scenario);
            let is_meant = |subject: &str| figure.subject == subject || figure.subject == "peers";
            section.is_some_and(|section| section.rows.iter().any(|row| is_meant(&row.subject)))
        };
        let run = self
            .target
            .iter()
            .filter(|target| was_run(&target.value) && target.over.as_ref().is_none_or(was_run));
        run.filter_map(|target| {
            let limit = target.limit()?;
            let value = target.value.of(results, limit);
            let measured = match &target.over {
                None => value,
                Some(over) => value.zip(over.of(results, limit)).map(|(a, b)| a / b),
            };
            let enforced = target.ci.map(|ci| limit.with(ci));
            Some(Verdict {
                says: target.says.clone(),
                limit,
                enforced,
                measured,
            })
        })
        .collect()
    }
}

/// Whether everything that CI enforces holds.
pub fn hold(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| !verdict.is_broken())
}

impl Target {
    fn limit(&self) -> Option<Limit> {
        match (self.at_most, self.at_least) {
            (Some(most), None) => Some(Limit::AtMost(most)),
            (None, Some(least)) => Some(Limit::AtLeast(least)),
            _ => None,
        }
    }
}

impl Figure {
    /// The figure, or for `peers` the one that is hardest to keep the limit with.
    fn of(&self, results: &Results, limit: Limit) -> Option<f64> {
        let section = results.section(&self.scenario)?;
        if self.subject != "peers" {
            return section.get(&self.subject, self.metric);
        }
        let is_peer = |subject: &str| !matches!(subject, "floor" | "raw" | "hikyaku" | "generator");
        let peers = section.rows.iter().filter(|row| is_peer(&row.subject));
        let figures = peers.filter_map(|row| row.get(self.metric));
        match limit {
            Limit::AtMost(_) => figures.min_by(f64::total_cmp),
            Limit::AtLeast(_) => figures.max_by(f64::total_cmp),
        }
    }
}

impl TryFrom<String> for Figure {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [scenario, subject, metric] = words[..] else {
            return Err(format!("{text:?} is not SCENARIO SUBJECT METRIC"));
        };
        let metric = Metric::named(metric).ok_or_else(|| format!("{metric:?} is no metric"))?;
        Ok(Self {
            scenario: scenario.to_owned(),
            subject: subject.to_owned(),
            metric,
        })
    }
}

impl Limit {
    fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }

    /// The same side of another number.
    fn with(self, number: f64) -> Self {
        match self {
            Self::AtMost(_) => Self::AtMost(number),
            Self::AtLeast(_) => Self::AtLeast(number),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

impl Verdict {
    /// The cells of the verdict's line: target, limit, measured, verdict, what CI enforces.
    pub fn cells(&self) -> [String; 5] {
        let verdict = match self.measured {
            Some(measured) if self.limit.holds(measured) => "ok",
            Some(_) if self.is_broken() => "MISSED, and broken for CI",
            Some(_) => "MISSED",
            None => "NO FIGURE",
        };
        [
            self.says.clone(),
            self.limit.to_string(),
            self.measured
                .map_or_else(|| "-".to_owned(), |measured| format!("{measured:.2}")),
            verdict.to_owned(),
            self.enforced
                .map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
        ]
    }

    fn is_broken(&self) -> bool {
        let keeps = |limit: Limit| self.measured.is_some_and(|measured| limit.holds(measured));
        self.enforced.is_some_and(|limit| !keeps(limit))
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Limit, Targets, Verdict, hold};
    use crate::results::{Metric, Results, Row, Section};
    use crate::scenario::Scenario;

    fn results(figures: &[(&str, f64)]) -> Results {
        let mut rows = Vec::new();
        for (subject, value) in figures {
            let mut row = Row::new(subject);
            row.push(Metric::P99Micros, *value);
            rows.push(row);
        }
        let section = Section {
            name: "any".to_owned(),
            group: String::new(),
            title: String::new(),
            unit: "call",
            rows,
        };
        Results {
            sections: vec![section],
            ..Results::default()
        }
    }

    #[test]
    fn the_hardest_peer_counts() {
        let results = results(&[("floor", 1.0), ("hikyaku", 2.0), ("a", 5.0), ("b", 3.0)]);
        let figure = Figure::try_from("any peers p99_us".to_owned()).unwrap();
        assert_eq!(figure.of(&results, Limit::AtMost(1.0)), Some(3.0));
        assert_eq!(figure.of(&results, Limit::AtLeast(1.0)), Some(5.0));
    }

    #[test]
    fn a_target_is_broken_where_its_limit_for_ci_is_passed_or_has_no_figure() {
        let table = [
            (Some(4.5), Some(4.0), true),
            (Some(3.5), Some(4.0), false),
            (None, Some(4.0), false),
            (Some(3.5), None, true),
            (None, None, true),
        ];
        for (measured, ci, want) in table {
            let verdict = Verdict {
                says: String::new(),
                limit: Limit::AtLeast(6.0),
                enforced: ci.map(Limit::AtLeast),
                measured,
            };
            assert_eq!(hold(&[verdict]), want, "{measured:?} {ci:?}");
        }
    }

    #[test]
    fn every_target_names_a_scenario_that_is_there() {
        let all = Scenario::all();
        for target in Targets::read().unwrap().target {
            for figure in [Some(target.value), target.over].into_iter().flatten() {
                let name = &figure.scenario;
                let known = name == "greeter" || all.iter().any(|scenario| scenario.name == *name);
                assert!(known, "{name}");
            }
        }
    }
}
