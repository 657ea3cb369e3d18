//! Programs that count the instructions of another: what does not jitter where seconds do.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

/// A program that counts instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// The processor's own counter, read by Linux's perf.
    Perf,
    /// Valgrind's simulated processor: fifty times slower, on every machine. It has no AVX-512.
    Callgrind,
}

/// What to install where nothing counts.
const INSTALL: &str = "found neither a perf that counts instructions nor valgrind, expected one of them: install valgrind \
                       (Debian, Ubuntu: apt install valgrind), or perf on a machine that shows its counters (few virtual ones do)";

impl Counter {
    /// The one that this machine has. Perf is asked to count, since it may be there without a counter to read.
    ///
    /// # Errors
    /// There is none; what to install.
    pub fn find() -> Result<Self, String> {
        let perf = Command::new("perf")
            .args(["stat", "-x,", "-e", "instructions:u", "true"])
            .output();
        // Perf tells on its standard error what it has counted.
        if perf.is_ok_and(|perf| perf_count(&String::from_utf8_lossy(&perf.stderr)).is_some()) {
            return Ok(Self::Perf);
        }
        let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
        match valgrind.is_ok_and(|status| status.success()) {
            true => Ok(Self::Callgrind),
            false => Err(INSTALL.into()),
        }
    }

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Callgrind => "callgrind",
        }
    }

    /// How many times as long as alone a program takes at most while it is counted.
    pub fn slower(self) -> f64 {
        match self {
            Self::Perf => 1.0,
            Self::Callgrind => 100.0,
        }
    }

    /// The program that is started, and its arguments before those of the program that is counted.
    pub(super) fn command(self, counts: &Path) -> (&'static str, Vec<String>) {
        let counts = counts.to_string_lossy();
        match self {
            Self::Perf => {
                let arguments = ["stat", "-x,", "-e", "instructions:u", "-o", &counts, "--"];
                ("perf", arguments.map(String::from).to_vec())
            }
            Self::Callgrind => {
                let file = format!("--callgrind-out-file={counts}");
                // A build may be a script that becomes another program.
                let arguments = ["--tool=callgrind", "-q", "--trace-children=yes", &file];
                ("valgrind", arguments.map(String::from).to_vec())
            }
        }
    }

    /// What was counted, once the program has ended.
    ///
    /// # Errors
    /// There is no such file, or no count in it.
    pub fn read(self, counts: &Path) -> Result<u64, String> {
        let name = self.name();
        let text = std::fs::read_to_string(counts).map_err(|error| format!("{name} left no counts: {error}"))?;
        let count = match self {
            Self::Perf => perf_count(&text),
            Self::Callgrind => callgrind_count(&text),
        };
        count.ok_or_else(|| format!("found no count in what {name} left, expected the instructions of a program"))
    }
}

/// `1234,,instructions:u,...`, or `<not supported>` in the place of the number. On processors of two kinds, a line each.
fn perf_count(text: &str) -> Option<u64> {
    let lines = text.lines().filter(|line| line.contains("instructions"));
    let counts = lines.filter_map(|line| line.split(',').next()?.parse::<u64>().ok());
    counts.reduce(|sum, count| sum + count).filter(|&sum| sum > 0)
}

/// `totals: 1234`, the sum over all threads and functions.
fn callgrind_count(text: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("totals: "));
    let counts = lines.filter_map(|count| count.trim().parse::<u64>().ok());
    counts.reduce(|sum, count| sum + count).filter(|&sum| sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_the_tools_write_them() {
        let perf = "# started on Fri Nov 27 17:40:00 2026\n\n203441,,instructions:u,1833158,100.00,,\n";
        assert_eq!(perf_count(perf), Some(203_441));
        assert_eq!(perf_count("<not supported>,,instructions:u,0,100.00,,\n"), None);
        assert_eq!(
            perf_count("5,,cpu_core/instructions/u,1,50,,\n7,,cpu_atom/instructions/u,1,50,,\n"),
            Some(12)
        );
        assert_eq!(
            callgrind_count("events: Ir\nsummary: 12\n\nfn=(1) a\n3 4\n\ntotals: 1234\n"),
            Some(1234)
        );
        assert_eq!(callgrind_count("events: Ir\n"), None);
    }

    #[test]
    fn a_file_without_a_count_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts");
        let error = Counter::Callgrind.read(&path).unwrap_err();
        assert!(error.starts_with("callgrind left no counts"), "{error}");
        std::fs::write(&path, "totals: 0\n").unwrap();
        let error = Counter::Callgrind.read(&path).unwrap_err();
        assert!(error.starts_with("found no count"), "{error}");
    }
}
