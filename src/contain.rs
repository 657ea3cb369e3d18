//! Keeping a panic inside: a device that cannot hold a cell, or a bug, ends the cell and not the suite;
//! a device that does not start ends in an error and not in a panic. And what went wrong, in words.

use std::any::Any;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Runs `work` without a panic's message on the terminal: the caller says it where it belongs. Also gives where
/// in the source a panic was.
pub fn quietly<T>(work: impl FnOnce() -> T) -> (std::thread::Result<T>, String) {
    static PLACE: Mutex<String> = Mutex::new(String::new());
    let place = || PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    place().clear();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        *place() = info.location().map_or(String::new(), |place| {
            format!(" (at {}:{})", short(place.file()), place.line())
        });
    }));
    let result = catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    (result, place().clone())
}

/// The last two parts of a path: enough to find the file, nothing of the machine.
fn short(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit('/').take(2).collect();
    parts.reverse();
    parts.join("/")
}

/// A panic's message, cut to a length that fits a table's foot.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").chars().take(300).collect()
}

/// An error and its causes, each once: a cause that the words before name already is left out.
pub fn in_full(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        next = cause.source();
    }
    words
}

/// Whether words say that there was no memory: those of CUDA, CubeCL and LibTorch, of Rust's allocator, and of a system
/// that has no room for another thread.
pub fn is_out_of_memory(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "out of memory",
        "outofmemory",
        "out_of_memory",
        "can't allocate",
        "cannot allocate",
        "memory allocation of",
        "resource temporarily unavailable",
    ]
    .iter()
    .any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("file.tsv: cannot read it: {source}. Look whether it is there")]
    struct Named {
        source: std::io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("part `train` cannot be had")]
    struct Silent(#[source] Named);

    #[test]
    fn each_cause_is_said_once_whether_the_words_above_name_it_or_not() {
        let cause = || std::io::Error::other("no such file");
        let named = Named { source: cause() };
        let once = "file.tsv: cannot read it: no such file. Look whether it is there";
        assert_eq!(in_full(&named), once);
        assert_eq!(in_full(&Silent(named)), format!("part `train` cannot be had: {once}"));
        let anyhow = anyhow::Error::new(Silent(Named { source: cause() })).context("a run");
        assert_eq!(in_full(&*anyhow), format!("a run: part `train` cannot be had: {once}"));
    }
}
