//! What runs a model in a process of its own. A worker is the program itself; parent and worker speak JSON lines
//! ([`process`]). [`cells`] is the parent of a suite's cells, [`worker`] the other end.

pub mod cells;
pub mod death;
pub mod process;
pub mod protocol;
pub mod worker;
