//! The chart: CPU per call as horizontal bars, grouped by scenario, in SVG.
//!
//! Each group has its own scale, as a call of 4 MiB and a greeting have none in common. A bar that
//! would dwarf its group is cut, and says so with a gap; the figures stand behind the bars.

use crate::results::{Metric, Results, Section};
use crate::table::{figure, ratio};

/// Scenarios of the chart, what they are called in it, and what counts.
const GROUPS: [(&str, &str, Metric); 16] = [
    (
        "hello-1x1",
        "unary, 1 connection x 1 stream",
        Metric::ServerMicros,
    ),
    ("hello-1x100", "unary, 1 x 100", Metric::ServerMicros),
    ("hello-50x20", "unary, 50 x 20", Metric::ServerMicros),
    ("hello-500x1", "unary, 500 x 1", Metric::ServerMicros),
    (
        "hello-50x20-tls",
        "unary, 50 x 20, TLS",
        Metric::ServerMicros,
    ),
    (
        "echo-16k-1x100",
        "unary, 16 KiB, 1 x 100",
        Metric::ServerMicros,
    ),
    (
        "record-1x100",
        "50 log records, 1 x 100",
        Metric::ServerMicros,
    ),
    (
        "down-small",
        "server stream, small messages",
        Metric::ServerMicros,
    ),
    (
        "up-small",
        "client stream, small messages",
        Metric::ServerMicros,
    ),
    (
        "both-small",
        "both ways, small messages",
        Metric::ServerMicros,
    ),
    (
        "ping-pong-1x100",
        "ping-pong, 1 x 100",
        Metric::ServerMicros,
    ),
    (
        "echo-4m-1x1",
        "4 MiB echo (raw: TCP without HTTP)",
        Metric::ServerMicros,
    ),
    (
        "client-hello-1x100",
        "client: unary, 1 x 100",
        Metric::ClientMicros,
    ),
    (
        "client-down-small",
        "client: server stream",
        Metric::ClientMicros,
    ),
    (
        "client-up-small",
        "client: client stream",
        Metric::ClientMicros,
    ),
    (
        "idle-connections",
        "memory of an idle connection",
        Metric::EachKib,
    ),
];

const WIDTH: f64 = 860.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 110.0;
const SPAN: f64 = 560.0;
const BAR: f64 = 12.0;
const STEP: f64 = 16.0;
const TITLE: f64 = 26.0;
const TOP: f64 = 50.0;
/// How many times tonic's bar a bar may be long.
const MAX_STRETCH: f64 = 1.5;

/// Colours of both schemes; text and gaps follow the page.
const STYLE: &str = "\
<style>
.back{fill:#ffffff}.text{fill:#24292f}.soft{fill:#57606a}.gap{stroke:#ffffff}
.floor{fill:#8c959f}.ours{fill:#cf4a2a}.peer{fill:#7ba7cf}
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif}.head{font-size:16px;font-weight:600}.title{font-weight:600}
@media (prefers-color-scheme:dark){
.back{fill:#0d1117}.text{fill:#e6edf3}.soft{fill:#9198a1}.gap{stroke:#0d1117}
.floor{fill:#6e7681}.ours{fill:#f0764f}.peer{fill:#3d6a94}}
</style>
";

/// Draws what was measured of the chart's scenarios.
pub fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut y = TOP;
    for (scenario, title, metric) in GROUPS {
        if let Some(section) = results.section(scenario) {
            y = group(&mut body, y, section, title, metric);
        }
    }
    let height = y + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"CPU per call of hikyaku and its peers\">\n{STYLE}\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"text head\" x=\"16\" y=\"26\">CPU per call, shorter is better</text>\n\
         <text class=\"soft\" x=\"16\" y=\"43\">microseconds, and times the floor: the least a \
         program on this machine can do for the same bytes; each group has its own scale</text>\n\
         {body}</svg>\n"
    )
}

/// Draws one scenario from `y` downwards and returns where the next begins.
fn group(body: &mut String, y: f64, section: &Section, title: &str, metric: Metric) -> f64 {
    let bars: Vec<(&str, f64)> = section
        .rows
        .iter()
        .filter_map(|row| Some((row.subject.as_str(), row.get(metric)?)))
        .collect();
    if bars.is_empty() {
        return y;
    }
    let floor = bars
        .iter()
        .find(|(subject, _)| is_floor(subject))
        .map(|(_, value)| *value);
    let longest = scale(&bars);
    let (mut y, unit) = (y + TITLE, unit_of(metric, section.unit));
    body.push_str(&format!(
        "<text class=\"text title\" x=\"16\" y=\"{:.1}\">{title}</text>\n\
         <text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{unit}</text>\n",
        y - 6.0,
        WIDTH - 16.0,
        y - 6.0
    ));
    for (subject, value) in bars {
        bar(body, y, subject, value, longest, floor);
        y += STEP;
    }
    y
}

fn bar(body: &mut String, y: f64, subject: &str, value: f64, longest: f64, floor: Option<f64>) {
    let class = match subject {
        _ if is_floor(subject) => "floor",
        "hikyaku" => "ours",
        _ => "peer",
    };
    let length = (value / longest).min(1.0) * SPAN;
    let middle = y + BAR - 2.0;
    let mut label = figure(value);
    if let Some(floor) = floor.filter(|_| !is_floor(subject)) {
        label.push_str(&format!("  ({})", ratio(value / floor)));
    }
    body.push_str(&format!(
        "<text class=\"text\" x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{subject}</text>\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>",
        LEFT - 6.0,
        length.max(1.0)
    ));
    if value > longest {
        let x = LEFT + SPAN - 24.0;
        body.push_str(&format!(
            "<path class=\"gap\" stroke-width=\"3\" d=\"M{:.1} {:.1}l6 -{:.1}\"/>",
            x,
            y + BAR + 1.0,
            BAR + 2.0
        ));
    }
    body.push_str(&format!(
        "<text class=\"soft\" x=\"{:.1}\" y=\"{middle:.1}\">{label}</text>\n",
        LEFT + length + 6.0
    ));
}

/// What the longest bar stands for.
fn scale(bars: &[(&str, f64)]) -> f64 {
    let longest = bars
        .iter()
        .map(|(_, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let tonic = bars.iter().find(|(subject, _)| *subject == "tonic");
    tonic.map_or(longest, |(_, value)| longest.min(MAX_STRETCH * value))
}

fn is_floor(subject: &str) -> bool {
    matches!(subject, "floor" | "generator" | "raw")
}

fn unit_of(metric: Metric, unit: &str) -> String {
    match metric {
        Metric::EachKib => "KiB each".to_owned(),
        _ => format!("us per {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{draw, scale};
    use crate::results::{Metric, Results, Row, Section};

    #[test]
    fn one_bar_among_giants_is_cut() {
        assert_eq!(scale(&[("a", 1.0), ("tonic", 2.0), ("c", 100.0)]), 3.0);
        assert_eq!(scale(&[("a", 1.0), ("tonic", 2.0), ("c", 2.5)]), 2.5);
        assert_eq!(scale(&[("a", 1.0), ("b", 9.0)]), 9.0);
    }

    #[test]
    fn every_bar_has_its_figure_and_its_ratio() {
        let rows = [("floor", 0.5), ("hikyaku", 0.75)].map(|(subject, value)| {
            let mut row = Row::new(subject);
            row.push(Metric::ServerMicros, value);
            row
        });
        let section = Section {
            name: "hello-1x100".to_owned(),
            group: String::new(),
            title: String::new(),
            unit: "call",
            rows: rows.to_vec(),
        };
        let drawn = draw(&Results {
            sections: vec![section],
            ..Results::default()
        });
        assert!(
            drawn.contains(">0.75  (1.50x)<") && drawn.contains(">0.50<"),
            "{drawn}"
        );
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
    }
}
