//! Whether a suite's scores are as good as those that were accepted: a verdict for each run, length and metric, and one for
//! all of them. Nothing here trains or scores.

mod accepted;
mod judge;
mod reference;
mod shown;

pub use accepted::{Accepted, AcceptedCell, Error, FORMAT, MARGINS};
pub use judge::{ALPHA, Answer, SEEDS, Verdict, judge, worst};
pub use reference::judge_by_reference;
pub use shown::{junit, markdown, sentence};
