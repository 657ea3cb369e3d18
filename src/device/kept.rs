//! Kernels that were compiled for a GPU are kept on disk, beside what was tuned: a cell's process is a new one, and would
//! compile hundreds anew.

use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

/// Has CubeCL keep what it compiles where it keeps what it tunes: in the environment that a `cubecl.toml` above the
/// current directory names, else in `target/environment` of a Cargo project, else in the user's cache directory. After a
/// device was started it is too late, and nothing happens.
pub(super) fn keep_kernels() {
    let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
    config.compilation.cache = true;
    CubeClRuntimeConfig::try_set(config);
}
