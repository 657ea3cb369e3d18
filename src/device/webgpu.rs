//! wgpu: the graphics drivers' GPUs. An adapter is asked for, once in the life of the program.

use std::sync::OnceLock;

use burn::tensor::Device;

use super::{Lack, Started};
use crate::contain::{panic_message, quietly};

/// The adapter that wgpu prefers, or that CUBECL_WGPU_DEFAULT_DEVICE names.
pub(super) fn start() -> Result<Started, Lack> {
    // A second start of the same adapter is refused by the backend.
    static STARTED: OnceLock<Result<Started, Lack>> = OnceLock::new();
    STARTED.get_or_init(first_start).clone()
}

fn first_start() -> Result<Started, Lack> {
    let (started, place) = quietly(|| Device::wgpu_options().init_with_setup());
    let problem = match started {
        Ok(Ok((device, setup))) => {
            let adapter = setup.adapter.get_info();
            return Ok(Started {
                device,
                description: format!(
                    "{} through {} ({} {})",
                    adapter.name, adapter.backend, adapter.driver, adapter.driver_info
                ),
            });
        }
        Ok(Err(problem)) => problem.to_string(),
        Err(panic) => format!("{}{place}", panic_message(panic.as_ref())),
    };
    Err(Lack {
        found: format!("no graphics adapter starts ({problem})"),
        expected: "a GPU with a Vulkan, Metal or DirectX 12 driver, or a software Vulkan".into(),
        next: "Install the GPU's graphics driver; on Debian and Ubuntu, mesa-vulkan-drivers has Mesa's, software \
               Vulkan included. XDG_RUNTIME_DIR must name a folder."
            .into(),
    })
}
