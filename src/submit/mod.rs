//! A suite's cells as the tasks of a scheduler: what each asks for, what waits for what, the scripts that say so in the
//! scheduler's own words, and what the scheduler says of them later. icdbench schedules nothing itself: a task is the
//! program on one cell of a store that all machines share.

mod choices;
mod command;
mod folder;
mod hyperqueue;
mod kept;
mod kubernetes;
mod name;
mod parallel;
mod phases;
mod quote;
mod request;
mod scheduler;
mod slurm;
mod task;

pub use choices::{Accepted, Choices, File, InQueue};
pub use command::Error;
pub use folder::{Folder, pinned};
pub use kept::{Kept, Queued};
pub use name::Scheduler;
pub use phases::{Phase, Task, Work, phases};
pub use request::Request;
