//! A worker process: lines in, lines out, and what it said last when it died.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How many of a worker's last lines on standard error are kept.
const LAST_LINES: usize = 20;
/// How often a worker that says nothing is looked at: what it has started may keep its output open when it has ended.
const LOOK: Duration = Duration::from_millis(500);
/// How long a worker may take to end once its input or its output has.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// A running worker. When this is dropped, it is ended with all that it has started, and where the system can do so the
/// worker itself when this process dies.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    words: Receiver<Vec<String>>,
    /// Whether the system has been asked how it ended: from then on its id may be another's.
    is_reaped: bool,
}

/// How a worker ended.
#[derive(Debug)]
pub struct Death {
    /// Its exit status; absent where the system does not say.
    pub status: Option<ExitStatus>,
    /// Its last lines on standard error.
    pub words: Vec<String>,
    /// Whether it lived on without an output, until it was ended.
    pub lived_on: bool,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// The system's own words.
    pub fn start(program: &Path, arguments: &[String]) -> std::io::Result<Self> {
        Self::start_with(program, arguments, &[])
    }

    /// Starts a program with these variables beside those of this process.
    ///
    /// # Errors
    /// The system's own words.
    pub fn start_with(program: &Path, arguments: &[String], variables: &[(&str, String)]) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("RUST_BACKTRACE", "0") // the last line is to be the message
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        die_with_parent(&mut command);
        let mut child = command.spawn()?;
        let (sender, lines) = channel();
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // Ends with the process, or when nobody listens any more.
            lines.map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        let (sender, words) = channel();
        let errors = child.stderr.take();
        std::thread::spawn(move || {
            // Nobody listens where nobody asks how the worker ended.
            let _ = sender.send(errors.map_or_else(Vec::new, last_lines));
        });
        Ok(Self {
            input: child.stdin.take(),
            child,
            lines,
            words,
            is_reaped: false,
        })
    }

    /// Sends a line. A worker that is gone says so by the end of its lines.
    pub fn send(&mut self, line: &str) {
        let _ = self.input.as_mut().map(|input| writeln!(input, "{line}"));
    }

    /// Ends the worker's input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// The next line.
    ///
    /// # Errors
    /// None within `timeout`, or the worker's output has ended, or the worker has and what it left to others says no more.
    pub fn line(&self, timeout: Duration) -> Result<String, RecvTimeoutError> {
        let asked = Instant::now();
        loop {
            let left = timeout.saturating_sub(asked.elapsed());
            // Looked at before the last wait: a line that it wrote before its end is read in that.
            let ended = self.is_reaped || has_ended(&self.child);
            match self.lines.recv_timeout(left.min(LOOK)) {
                Err(RecvTimeoutError::Timeout) if ended => return Err(RecvTimeoutError::Disconnected),
                Err(RecvTimeoutError::Timeout) if left > LOOK => {}
                found => return found,
            }
        }
    }

    /// How the worker ended, after its output did. One that lives on is given seconds, and then ended.
    pub fn death(&mut self) -> Death {
        self.input = None;
        let lived_on = !self.ends_within(GOODBYE);
        Death {
            lived_on,
            status: self.end(),
            // What another process keeps open, having left the worker's group, is not waited for.
            words: self.words.recv_timeout(GOODBYE).unwrap_or_default(),
        }
    }

    /// Whether the worker ends by itself within `time`.
    pub fn ends_within(&self, time: Duration) -> bool {
        let asked = Instant::now();
        while !self.is_reaped && !has_ended(&self.child) {
            if asked.elapsed() >= time {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Lets a worker that has nothing left to do end by itself; one that does not is ended.
    pub fn finish(mut self) {
        self.input = None;
        self.ends_within(GOODBYE);
    }

    /// Ends what lives of the worker and of what it has started.
    fn end(&mut self) -> Option<ExitStatus> {
        if !self.is_reaped {
            // First the group: until the system is asked how the worker ended, its id is no other's.
            kill_group(&self.child);
            let _ = self.child.kill();
            self.is_reaped = true;
        }
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a process has ended, without asking how: its id stays its own.
#[cfg(unix)]
fn has_ended(child: &Child) -> bool {
    // SAFETY: a `siginfo_t` is made of numbers and pointers, for which zeros are values.
    let mut found: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let what = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer outlives the call, which writes one `siginfo_t`.
    let answered = unsafe { libc::waitid(libc::P_PID, child.id(), &mut found, what) };
    answered != 0 || found.si_signo == libc::SIGCHLD
}

#[cfg(not(unix))]
fn has_ended(_child: &Child) -> bool {
    false
}

/// Ends all processes of a worker's group, of which it is the first.
#[cfg(unix)]
fn kill_group(child: &Child) {
    // SAFETY: a system call that takes two numbers.
    unsafe { libc::kill(-(child.id() as libc::pid_t), libc::SIGKILL) };
}

#[cfg(not(unix))]
fn kill_group(_child: &Child) {}

fn last_lines(stderr: ChildStderr) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    let mut input = BufReader::new(stderr);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if !text.is_empty() {
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(text);
        }
    }
    last.into()
}

/// A worker of its own process group, so that Ctrl-C reaches the parent alone, which ends the worker's step and saves
/// it; and killed with the thread that started it, so that a killed parent leaves no worker behind.
#[cfg(unix)]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        // SAFETY: between fork and exec only two system calls are made, neither of which allocates.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                match libc::getppid() as u32 == parent {
                    true => Ok(()),
                    false => Err(std::io::Error::from_raw_os_error(libc::ESRCH)),
                }
            });
        }
    }
}

#[cfg(not(unix))]
fn die_with_parent(_command: &mut Command) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start(Path::new("sh"), &["-c".into(), script.into()]).unwrap()
    }

    /// Whether a process is there and no zombie.
    fn lives(id: &str) -> bool {
        let found = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
        let state = String::from_utf8(found.stdout).unwrap();
        !state.trim().is_empty() && !state.trim().starts_with('Z')
    }

    fn is_gone(id: &str) -> bool {
        let begun = Instant::now();
        while lives(id) && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(10));
        }
        !lives(id)
    }

    #[test]
    fn a_worker_that_closes_its_output_and_lives_on_is_ended_with_all_that_it_started() {
        // What it started keeps standard error open, so that waiting for its last words would take as long.
        let mut process = shell("sleep 300 >&- & echo $!; exec >&-; sleep 300");
        let started = process.line(Duration::from_secs(20)).unwrap();
        assert_eq!(
            process.line(Duration::from_secs(20)),
            Err(RecvTimeoutError::Disconnected)
        );
        let begun = Instant::now();
        let death = process.death();
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
        assert!(death.lived_on, "{death:?}");
        assert!(is_gone(&started), "{started} goes on");
    }

    #[test]
    fn a_worker_that_has_ended_is_not_waited_for_where_what_it_started_keeps_its_output_open() {
        let mut process = shell("sleep 300 & echo $!; echo last; exit 3");
        let minute = Duration::from_secs(60);
        let started = process.line(minute).unwrap();
        assert_eq!(process.line(minute).as_deref(), Ok("last"));
        assert_eq!(process.line(minute), Err(RecvTimeoutError::Disconnected));
        let death = process.death();
        assert_eq!(death.status.and_then(|status| status.code()), Some(3), "{death:?}");
        assert!(is_gone(&started), "{started} goes on");
    }

    #[test]
    fn what_a_worker_started_ends_with_it() {
        let process = shell("sleep 300 & echo $!; read line");
        let started = process.line(Duration::from_secs(20)).unwrap();
        process.finish();
        assert!(is_gone(&started), "{started} goes on");
        let dropped = shell("sleep 300 & echo $!; sleep 300");
        let started = dropped.line(Duration::from_secs(20)).unwrap();
        drop(dropped);
        assert!(is_gone(&started), "{started} goes on");
    }

    #[test]
    fn a_worker_that_ends_by_itself_says_how() {
        let mut process = shell("echo 'no such luck' >&2; exit 3");
        assert_eq!(
            process.line(Duration::from_secs(20)),
            Err(RecvTimeoutError::Disconnected)
        );
        let death = process.death();
        assert_eq!(death.status.and_then(|status| status.code()), Some(3));
        assert_eq!(
            (death.words.as_slice(), death.lived_on),
            (&["no such luck".to_owned()][..], false)
        );
    }
}
