//! The greatest numbers that a suite may ask for and a record may hold.

/// Most epochs of a training.
pub const MOST_EPOCHS: u32 = 100_000;

/// Greatest sequence length; also that of a system that read whole notes, however long they are.
pub const MOST_TOKENS: u32 = 1 << 20;
