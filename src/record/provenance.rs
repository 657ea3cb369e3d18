//! Where, when and by what program a record was made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Complete by construction: every field must be filled to build one. What a system cannot tell
/// is written as the words `not available: ...`, never left out, but for numbers, which are then absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Provenance {
    /// The program's version.
    pub icdbench_version: String,
    /// Git revision of the source the program was built from, or why there is none.
    pub git_revision: String,
    /// Whether the source differed from that revision; absent where there is no revision.
    pub git_dirty: Option<bool>,
    /// SHA-256 of the source files that can move a score.
    pub code_sha256: String,
    /// SHA-256 of `Cargo.lock`.
    pub cargo_lock_sha256: String,
    /// Compiler version.
    pub rustc: String,
    /// Build profile and target, such as `release x86_64-unknown-linux-gnu`.
    pub build: String,
    /// Cargo features of the program.
    pub features: Vec<String>,
    /// Operating system and kernel.
    pub operating_system: String,
    /// CPU model.
    pub cpu: String,
    /// Logical CPUs available to the process.
    pub cpus: u32,
    /// Memory of the machine, in bytes.
    pub memory_bytes: Option<u64>,
    /// GPU and driver, or `none`.
    pub gpu: String,
    /// Threads used for computing.
    pub threads: u32,
    /// The command line, with paths cut to their last component.
    pub command: String,
    /// UTC start, RFC 3339, to the millisecond (older records: to the second).
    pub started: String,
    /// UTC end, RFC 3339, to the millisecond (older records: to the second).
    pub ended: String,
}
