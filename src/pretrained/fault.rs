//! What can be wrong with the bytes of a weights file.

/// Why a weights file gives no tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is cut off, or contradicts itself: fetching it again may help.
    Damaged(String),
    /// It is whole and something else than what is read here; with the next step.
    Unsuitable(String),
}

impl Fault {
    /// The file ends, or an offset in it leads, where nothing is any more.
    pub(super) fn ends_early() -> Self {
        Self::Damaged("it ends before its end".into())
    }
}
