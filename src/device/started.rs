//! What comes of starting a device: the device, or what is missing.

use burn::tensor::Device;

/// What keeps a device from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What was found: a clause, which a message goes on from.
    pub found: String,
    /// What was expected in its place.
    pub expected: String,
    /// What to do about it, in whole sentences.
    pub next: String,
}

/// A device that was started and gave a right answer.
#[derive(Clone, Debug)]
pub struct Started {
    /// The device, without autodiff.
    pub device: Device,
    /// What it is, for people.
    pub description: String,
}
