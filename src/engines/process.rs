//! A worker process: lines in, lines out, and what it said last when it died.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many of a worker's last lines on standard error are kept.
const LAST_LINES: usize = 20;
/// How long a worker may take to end once its input has.
const GOODBYE: Duration = Duration::from_secs(2);

/// A running worker. It is ended when this is dropped, and where the system can do so when this process dies.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    words: Option<JoinHandle<Vec<String>>>,
}

/// How a worker ended by itself.
#[derive(Debug)]
pub struct Death {
    /// Its exit status; absent where the system does not say.
    pub status: Option<ExitStatus>,
    /// Its last lines on standard error.
    pub words: Vec<String>,
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
        let words = child
            .stderr
            .take()
            .map(|stderr| std::thread::spawn(|| last_lines(stderr)));
        Ok(Self {
            input: child.stdin.take(),
            child,
            lines,
            words,
        })
    }

    /// Sends a line. A worker that is gone says so by the end of its lines.
    pub fn send(&mut self, line: &str) {
        let _ = self.input.as_mut().map(|input| writeln!(input, "{line}"));
    }

    /// The next line.
    ///
    /// # Errors
    /// None within `timeout`, or the worker's output has ended.
    pub fn line(&self, timeout: Duration) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(timeout)
    }

    /// How the worker ended, after its output did.
    pub fn death(&mut self) -> Death {
        self.input = None;
        Death {
            status: self.child.wait().ok(),
            words: self
                .words
                .take()
                .and_then(|words| words.join().ok())
                .unwrap_or_default(),
        }
    }
}

impl Process {
    /// Lets a worker that has nothing left to do end by itself; one that does not is ended.
    pub fn finish(mut self) {
        self.input = None;
        let asked = Instant::now();
        while asked.elapsed() < GOODBYE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
