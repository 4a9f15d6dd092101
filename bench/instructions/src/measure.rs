//! Counting, by valgrind.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io, thread};

use hikyaku_instructions::scenario::Scenario;

use crate::record::MadeWith;

/// Why nothing could be counted.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Lets the C library copy memory as the oldest processor of the kind would: which instructions it
/// takes for that must not depend on the machine.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX2_Usable,\
    -AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

/// The instructions of one unit of each scenario, by its name.
pub(crate) fn all(scenarios: &[&Scenario]) -> Result<BTreeMap<String, f64>, Failure> {
    fs::create_dir_all(profiles()?)?;
    let next = AtomicUsize::new(0);
    let count_some = || -> Result<Vec<(String, f64)>, Failure> {
        let mut figures = Vec::new();
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let [short, long] = scenario.call_counts;
            let totals = [total(scenario, short)?, total(scenario, long)?];
            figures.push((scenario.name.to_owned(), scenario.per_unit(totals)));
        }
        Ok(figures)
    };
    let worker_count = thread::available_parallelism()?.get();
    let mut all = BTreeMap::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..worker_count).map(|_| scope.spawn(count_some)).collect();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread has panicked")??);
        }
        Ok(all)
    })
}

/// The instructions of a whole run.
fn total(scenario: &Scenario, call_count: usize) -> Result<u64, Failure> {
    let profile = profiles()?.join(format!("{}-{call_count}.out", scenario.name));
    let mut out_file = "--callgrind-out-file=".to_owned();
    out_file.push_str(
        profile
            .to_str()
            .ok_or("the target folder is not named in UTF-8")?,
    );
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", &out_file]);
    command.arg(env::current_exe()?);
    command.args(["run", scenario.name, &call_count.to_string()]);
    // The length of the environment shifts the stack.
    command.env_clear().env("GLIBC_TUNABLES", TUNABLES);
    command.envs(env::vars_os().filter(|(name, _)| name == "PATH" || name == "VALGRIND_LIB"));
    run(&mut command)?;
    total_in(&profile)
}

/// The sum that a profile ends with.
fn total_in(profile: &Path) -> Result<u64, Failure> {
    let text = fs::read_to_string(profile)?;
    let mut lines = text.lines().rev();
    let total = lines.find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("the profile has no total")?.trim().parse()?)
}

/// Where the profile of each run is left.
pub(crate) fn profiles() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    Ok(program.with_file_name("callgrind"))
}

/// What figures measured now depend on.
pub(crate) fn made_with() -> Result<MadeWith, Failure> {
    let version = run(Command::new("valgrind").arg("--version"))?;
    let mut made_with = MadeWith::new();
    let libc = run(Command::new("getconf").arg("GNU_LIBC_VERSION"));
    for (name, value) in [
        ("compiler", env!("BUILT_BY").to_owned()),
        ("target", env!("BUILT_FOR").to_owned()),
        ("flags", env!("BUILT_WITH_FLAGS").to_owned()),
        ("valgrind", version),
        ("libc", libc.unwrap_or_else(|_| "unknown".to_owned())),
    ] {
        made_with.insert(name.to_owned(), value);
    }
    Ok(made_with)
}

/// What a program says, if it ends well.
fn run(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().map_err(|error| {
        format!("{program} cannot be run ({error}); Debian has it in a package of that name")
    })?;
    if !status.success() {
        let stderr = String::from_utf8_lossy(&stderr);
        return Err(format!("{command:?} ended with {status}:\n{stderr}").into());
    }
    Ok(String::from_utf8(stdout)?.trim().to_owned())
}
