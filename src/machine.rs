//! The machine and the build: what provenance and `doctor` are made of.

use std::time::SystemTime;

use crate::record::Provenance;

/// What the program was built from, written by `build.rs`.
pub mod built {
    include!(concat!(env!("OUT_DIR"), "/built.rs"));
}

/// Has so many threads compute, once a process. `with_this_one`: the calling thread is one of them. What takes little is done
/// there before another would have woken up, and it need not sleep and be woken for every operator: CAML's inference of two
/// notes takes half the time. It must be the only one that asks for what is computed: what others ask for waits while it
/// does something else.
///
/// # Errors
/// Threads cannot be started, or have been.
pub fn computing_threads(threads: usize, with_this_one: bool) -> Result<(), rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    match with_this_one {
        true => pool.use_current_thread().build_global(),
        false => pool.build_global(),
    }
}

/// Facts of the machine that do not change while the program runs.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Operating system and kernel.
    pub operating_system: String,
    /// CPU model.
    pub cpu: String,
    /// Logical CPUs available to this process.
    pub cpus: u32,
    /// Threads used for computing.
    pub threads: u32,
    /// Memory of the machine, in bytes; `None` where the system does not say.
    pub memory_bytes: Option<u64>,
    /// GPU and driver, or `none`.
    pub gpu: String,
}

impl Machine {
    /// Asks the system.
    pub fn look() -> Self {
        let mut cpu = None;
        let mut memory_bytes = None;
        if let Ok(mut system) = sysinfo::System::new() {
            system.refresh_cpu_all();
            system.refresh_memory();
            cpu = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
            memory_bytes = Some(system.total_memory()).filter(|&bytes| bytes > 0);
        }
        let available = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
        Self {
            operating_system: sysinfo::System::long_os_version()
                .map(|name| {
                    format!(
                        "{name}, kernel {}",
                        sysinfo::System::kernel_version().unwrap_or_default()
                    )
                })
                .unwrap_or("not available: the system does not say".into()),
            cpu: cpu
                .filter(|name| !name.is_empty())
                .unwrap_or("not available: the system does not say".into()),
            cpus: available,
            threads: rayon::current_num_threads() as u32,
            memory_bytes,
            gpu: gpu(),
        }
    }

    /// The provenance of something that ran on this machine between two times.
    pub fn provenance(&self, started: SystemTime, ended: SystemTime) -> Provenance {
        Provenance {
            icdbench_version: env!("CARGO_PKG_VERSION").into(),
            git_revision: built::GIT_REVISION.into(),
            git_dirty: built::GIT_DIRTY,
            code_sha256: built::CODE_SHA256.into(),
            cargo_lock_sha256: built::CARGO_LOCK_SHA256.into(),
            rustc: built::RUSTC.into(),
            build: built::BUILD.into(),
            features: built::FEATURES.iter().map(|&name| name.into()).collect(),
            operating_system: self.operating_system.clone(),
            cpu: self.cpu.clone(),
            cpus: self.cpus,
            memory_bytes: self.memory_bytes,
            gpu: self.gpu.clone(),
            threads: self.threads,
            command: command_line(),
            started: humantime::format_rfc3339_millis(started).to_string(),
            ended: humantime::format_rfc3339_millis(ended).to_string(),
        }
    }
}

/// The GPU as NVIDIA's own tool names it.
fn gpu() -> String {
    let output = std::process::Command::new("nvidia-smi")
        .args(["--query-gpu=name,driver_version", "--format=csv,noheader"])
        .output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().replace('\n', "; "),
        _ => "none".into(),
    }
}

/// The command line with each path cut to its last component: records must not tell whose machine made them.
fn command_line() -> String {
    let last = |argument: String| match argument.rsplit_once('/') {
        Some((_, last)) if !argument.starts_with("--") => last.to_owned(),
        Some((start, last)) => match start.split_once('=') {
            Some((option, _)) => format!("{option}={last}"),
            None => last.to_owned(),
        },
        None => argument,
    };
    std::env::args_os()
        .map(|argument| last(argument.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The process's peak resident memory since [`reset_peak_memory`], in bytes, where the system says.
pub fn peak_memory() -> Option<u64> {
    status_bytes("VmHWM:")
}

/// A line of Linux's `/proc/self/status` that holds a number of kB, in bytes.
pub fn status_bytes(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|found| found.strip_prefix(line))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Starts the peak over, where the system can: freed memory that was kept goes back first.
pub fn reset_peak_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim gives back free pages and touches nothing in use.
    unsafe {
        libc::malloc_trim(0);
    }
    // Linux: 5 resets the peak of this process only. Where it fails, the peak is that of the whole run so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Keeps memory with note texts in it from being written to disk should the process crash.
pub fn no_core_dumps() {
    // A file that may not grow is then an error with a name, and not the end of the process.
    #[cfg(unix)]
    // SAFETY: only sets that the signal is ignored.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
    #[cfg(unix)]
    {
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the pointer outlives the call, which reads one `rlimit`.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
    }
}

/// Keeps freed memory for the next step: a training step asks for the same large buffers as the one
/// before, and each page handed back and asked for again costs a fault and a clearing. Where the C library
/// is not glibc nothing is changed.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator; called before other threads start.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_ends_in_one_second_are_told_apart() {
        let machine = Machine::look();
        let ended = |millis| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            machine.provenance(SystemTime::UNIX_EPOCH, time).ended
        };
        assert_eq!(ended(1_500), "1970-01-01T00:00:01.500Z");
        assert!(ended(1_500) < ended(1_501) && ended(1_501) < ended(2_000));
    }
}
