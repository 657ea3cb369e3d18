//! The version of all definitions together.

/// Version of the definitions. It rises when the same scores and targets give another number,
/// so that records of two versions are never compared.
pub const VERSION: u32 = 1;
