//! How training tells how it goes on.

/// How far training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// From 1.
    pub epoch: u32,
    /// Words that went through, of all epochs.
    pub done: u64,
    /// Words of all epochs.
    pub all: u64,
}

/// Told now and then how far training is; says whether it goes on.
pub type Listener<'a> = &'a mut dyn FnMut(Progress) -> bool;
