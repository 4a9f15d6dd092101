//! The command line.

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: cargo run --release -- [OPTIONS]

Measures server CPU per unary call of hikyaku and tonic, and the floor of the machine.

Options:
  --rounds N       measured runs of each server in each scenario (default 3)
  --calls N        calls of one run (default 300000; a tenth of it at 1 x 1)
  --one-by-one     also measure 1 connection x 1 stream
  --servers LIST   which of floor,hikyaku,tonic to measure, in this order
  --check RATIO    exit with 1 unless tonic's cheapest run costs at least RATIO
                   times hikyaku's, at 1 x 100 and at 50 x 20
  --help           print this
";

const SERVERS: [&str; 3] = ["floor", "hikyaku", "tonic"];

/// What one run of the bench does.
pub struct Options {
    pub rounds: usize,
    /// Calls of one measured run.
    pub calls: u64,
    pub one_by_one: bool,
    pub servers: Vec<String>,
    /// How many times cheaper than tonic we must be, if that is to be checked.
    pub check: Option<f64>,
}

impl Options {
    /// Reads the arguments; `None` if they ask for help.
    ///
    /// # Errors
    /// Says which argument is wrong and why.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            rounds: 3,
            calls: 300_000,
            one_by_one: false,
            servers: SERVERS.map(str::to_owned).to_vec(),
            check: None,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--rounds" => options.rounds = number(&arg, args.next(), 1..=1000)? as usize,
                "--calls" => options.calls = number(&arg, args.next(), 1000..=1_000_000_000)?,
                "--one-by-one" => options.one_by_one = true,
                "--servers" => options.servers = servers(&args.next().unwrap_or_default())?,
                "--check" => options.check = Some(ratio(args.next())?),
                other => return Err(format!("unknown argument {other:?}")),
            }
        }
        Ok(Some(options))
    }
}

fn number(
    name: &str,
    value: Option<String>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number"))?;
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            format!(
                "{name} {value}: not a number from {} to {}",
                range.start(),
                range.end()
            )
        })
}

fn ratio(value: Option<String>) -> Result<f64, String> {
    let value = value.ok_or("--check needs a ratio")?;
    let ratio: Option<f64> = value.parse().ok();
    ratio
        .filter(|ratio| *ratio > 0.0)
        .ok_or_else(|| format!("--check {value}: not a ratio"))
}

fn servers(list: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| !SERVERS.contains(&name.as_str())) {
        Some(name) => Err(format!(
            "--servers: {name:?} is none of {}",
            SERVERS.join(", ")
        )),
        None => Ok(names),
    }
}
