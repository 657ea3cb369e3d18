//! Which process a lock belongs to, and whether it still lives.

use serde::{Deserialize, Serialize};

/// A process, named so that another one can ask after it: a number alone means nothing on another machine, in
/// another container, after a restart, or once the system has given it to somebody else.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Process {
    /// The machine's name, for people.
    pub host: String,
    /// The machine's id of this start of its system; empty where the system has none.
    boot: String,
    /// The process's namespace of process numbers; empty where the system has none.
    pid_namespace: String,
    /// The process's number.
    pub pid: u32,
    /// When it started, in the system's own count; empty where the system does not say.
    start: String,
}

impl Process {
    /// This process.
    pub fn this() -> Self {
        let text = |path| std::fs::read_to_string(path).map_or(String::new(), |text| text.trim().to_owned());
        let namespace = std::fs::read_link("/proc/self/ns/pid");
        Self {
            host: sysinfo::System::host_name().unwrap_or("unknown".into()),
            boot: text("/proc/sys/kernel/random/boot_id"),
            pid_namespace: namespace.map_or(String::new(), |link| link.to_string_lossy().into_owned()),
            pid: std::process::id(),
            start: Stat::of("self").map_or(String::new(), |stat| stat.start),
        }
    }

    /// Whether the process lives, where `here` can ask after it: on the same start of the same machine, among
    /// the same process numbers.
    pub fn lives(&self, here: &Self) -> Option<bool> {
        let place = |process: &Self| {
            (
                process.host.clone(),
                process.boot.clone(),
                process.pid_namespace.clone(),
            )
        };
        let named = [&self.boot, &self.pid_namespace, &self.start]
            .iter()
            .all(|name| !name.is_empty());
        if !named || place(self) != place(here) {
            return None;
        }
        Some(exists(self.pid) && self.is_same_and_not_over())
    }

    fn is_same_and_not_over(&self) -> bool {
        match Stat::of(&self.pid.to_string()) {
            // It exists, and the system hides more from us: another user's.
            None => true,
            Some(stat) => stat.start == self.start && !stat.over,
        }
    }
}

#[cfg(unix)]
fn exists(pid: u32) -> bool {
    let Ok(pid @ 1..) = i32::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 only asks.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

#[cfg(not(unix))]
fn exists(_: u32) -> bool {
    true
}

/// What Linux's `/proc/<pid>/stat` says.
struct Stat {
    start: String,
    /// Ended, and only not yet waited for by its parent.
    over: bool,
}

impl Stat {
    fn of(pid: &str) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The program's name may hold spaces and parentheses; the third field follows it (proc_pid_stat(5)).
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        // A process that was killed can have a thread left that is still writing: it is over with the last one.
        let over = matches!(field(3)?, "Z" | "X") && matches!(field(20)?, "0" | "1");
        Some(Self {
            start: field(22)?.to_owned(),
            over,
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        let this = Process::this();
        assert_eq!(this.lives(&Process::this()), Some(true));
    }

    #[test]
    fn a_process_that_ended_does_not_live_waited_for_or_not() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let this = Process::this();
        let process = Process {
            pid: child.id(),
            start: Stat::of(&child.id().to_string()).unwrap().start,
            ..this.clone()
        };
        assert_eq!(process.lives(&this), Some(true));
        child.kill().unwrap();
        while !Stat::of(&child.id().to_string()).unwrap().over {
            std::thread::yield_now();
        }
        assert_eq!(process.lives(&this), Some(false), "not waited for yet");
        child.wait().unwrap();
        assert_eq!(process.lives(&this), Some(false), "waited for");
    }

    #[test]
    fn a_number_that_another_process_got_is_not_the_process() {
        let this = Process::this();
        let before = Process {
            start: "1".into(),
            ..this.clone()
        };
        assert_eq!(before.lives(&this), Some(false));
    }

    #[test]
    fn nobody_asks_after_a_process_of_another_machine_start_or_namespace() {
        let this = Process::this();
        let change = |change: fn(&mut Process)| {
            let mut other = this.clone();
            change(&mut other);
            other.lives(&this)
        };
        assert_eq!(change(|other| other.host.push('x')), None);
        assert_eq!(change(|other| other.boot.push('x')), None);
        assert_eq!(change(|other| other.pid_namespace.push('x')), None);
        assert_eq!(change(|other| other.start.clear()), None, "no start time to compare");
        let mut nowhere = this.clone();
        nowhere.boot.clear();
        assert_eq!(nowhere.lives(&nowhere), None, "a system without ids");
    }
}
