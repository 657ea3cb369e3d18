//! What stages hand on in memory. It stands apart from the work, so that the workshop can hold what every stage has
//! made without knowing how.

mod encoder;
mod notes;
mod seen;
mod tokens;

pub(super) use encoder::Loaded;
pub use notes::Notes;
pub(super) use notes::Texts;
pub use seen::{Overlap, Seen, identifiers};
pub use tokens::{Marked, MarkedNote, Tokens};
