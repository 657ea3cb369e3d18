//! What a suite says of the dictionary.

use serde::{Deserialize, Serialize};

/// Settings of the dictionary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Most tokens of a span that is looked for as it stands.
    pub longest: usize,
    /// Most different tokens of a span that is looked for in any order.
    pub bag: usize,
    /// How far from its rarest token the other tokens of a bag may lie.
    pub window: usize,
    /// Most tokens of the smaller bags that are made of each span's; 0 for none.
    pub part: usize,
    /// What is added to the number of notes with a span before it divides, by form: as it stands, bag, smaller bag.
    pub smoothing: [f64; 3],
    /// What the share of a smaller bag is multiplied with.
    pub part_weight: f64,
    /// What a code's share of the training notes is multiplied with where nothing speaks for it.
    pub prior: f64,
}
