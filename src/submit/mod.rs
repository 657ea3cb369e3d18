//! A suite's cells as the tasks of a scheduler: what each asks for, what waits for what, the scripts that say so in the
//! scheduler's own words, and what the scheduler says of them later. icdbench schedules nothing itself: a task is the
//! program on one cell of a store that all machines share.

mod folder;
mod hyperqueue;
mod kubernetes;
mod parallel;
mod phases;
mod quote;
mod request;
mod scheduler;
mod slurm;
mod task;

pub use folder::{Folder, Kept, Queued, pinned};
pub use phases::{Phase, Task, Work, phases};
pub use request::Request;
pub use scheduler::{Choices, Error, File, InQueue, Scheduler};
