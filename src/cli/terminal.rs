//! Standard output and standard error. What a command says there can be lost (a closed pipe, a full disk, a terminal that
//! is gone), and that never touches its work: what is said along the way is said if it can be, and a command whose
//! output is its product ends quietly when nobody reads any more.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::Result;

/// Nobody reads standard output any more: the command has nothing left to do, and no error to tell.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub struct Unread;

/// A line of the command's product.
///
/// # Errors
/// [`Unread`], or what keeps the line from being written.
pub fn line(text: Arguments) -> Result<()> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Unread.into()),
        Err(error) => Err(anyhow::Error::new(error).context("standard output: cannot write the answer")),
    }
}

/// A line of standard output beside the work, if it can be written.
pub fn line_if_read(text: Arguments) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// A line of standard error, if it can be written.
pub fn say_line(text: Arguments) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A line of the command's product.
macro_rules! out {
    ($($words:tt)*) => { $crate::cli::terminal::line(format_args!($($words)*))? };
}

/// A line for the user.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::terminal::say_line(format_args!($($words)*)) };
}

pub(crate) use {out, say};
