//! Keeping a panic inside: a device that cannot hold a cell, or a bug, ends the cell and not the suite;
//! a device that does not start ends in an error and not in a panic.

use std::any::Any;
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
