//! What the build script tells the program of its own source: a hash of each file's code, and which files each
//! file's code can reach. The tests include this folder too.

pub mod flags;
pub mod imports;
mod kept;
mod layout;
mod modules;
pub mod tokens;
