//! Which devices train together with the one of a [`Fit`](super::Fit).

use burn::tensor::Device;

/// How gradients are summed over replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collective {
    /// On the first replica's device, in the order of the replicas.
    InProcess,
    /// By Burn's `all_reduce`, which is NCCL's on CUDA. All devices are different.
    AllReduce,
}

/// What trains together with the device of a [`Fit`](super::Fit); nothing for a run on one device.
#[derive(Clone, Debug)]
pub struct Others {
    /// A device, without autodiff, for each further replica.
    pub devices: Vec<Device>,
    /// How they sum.
    pub collective: Collective,
}

impl Others {
    /// For a run on one device.
    pub const NONE: Self = Self {
        devices: Vec::new(),
        collective: Collective::InProcess,
    };
}
