//! In which numbers a model computes.

use serde::{Deserialize, Serialize};

/// Numeric precision. Parameters, the optimiser's state and the loss are 32-bit floats in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    F32,
    /// Products of matrices in bf16 (8 bits of exponent as f32, 8 of precision): weights and states are cast where
    /// they meet, and gradients arrive in f32.
    Bf16,
}

impl Precision {
    /// As it is written in a suite.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}
