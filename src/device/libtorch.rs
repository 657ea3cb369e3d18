//! LibTorch: linked with the program, so it is there when the program starts; a GPU may not be.
#![allow(deprecated)] // Burn drops this backend in 0.23; it is here to be compared with PyTorch.

use burn::tensor::Device;

use super::{Lack, Started};

/// LibTorch on the CPU, with as many threads as the rest of the program uses.
pub(super) fn cpu() -> Started {
    let threads = rayon::current_num_threads();
    tch::set_num_threads(threads as i32);
    Started {
        device: Device::libtorch(),
        description: format!("CPU through LibTorch, {threads} threads"),
    }
}

/// LibTorch on a GPU.
pub(super) fn cuda(index: usize) -> Result<Started, Lack> {
    let lack = |found: String, expected: String| Lack {
        found,
        expected,
        next: "In the Python whose PyTorch this program was built with, `torch.cuda.is_available()` must be true; \
               LD_LIBRARY_PATH must hold torch/lib and the lib folders of the nvidia packages beside it."
            .into(),
    };
    if !tch::utils::has_cuda() {
        return Err(lack(
            "this LibTorch sees no usable CUDA: it has none, or there is no driver or GPU".into(),
            "LibTorch with CUDA, an NVIDIA GPU and its driver".into(),
        ));
    }
    let gpus = tch::Cuda::device_count();
    if index as i64 >= gpus {
        return Err(lack(
            format!("LibTorch sees {gpus} GPU(s)"),
            format!("one with index {index}, counted from 0"),
        ));
    }
    Ok(Started {
        device: Device::libtorch_cuda(index),
        description: format!("NVIDIA GPU {index} of {gpus} through LibTorch"),
    })
}
