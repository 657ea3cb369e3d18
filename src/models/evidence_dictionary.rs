//! A dictionary of the training notes' evidence: which tokens, where a note has them, speak for which code.
//!
//! Annotators mark the words that a code rests on. A span of such words is an entry of the dictionary in three forms: as it
//! stands, as a bag of tokens that lie close together in any order, and as smaller bags of its tokens. An entry speaks for a
//! code that it was evidence of by the share of the training notes with the entry that have the code, smoothed; what a note's
//! entries say of a code is put together as if each were right independently of the others (noisy-or, Pearl 1988). A code
//! that nothing speaks for has a share of its frequency.
//!
//! All of it is fitted in one pass over the training notes; a recipe without steps (`optimiser = "none"`) leaves it so. The
//! shares are parameters like any other, so that a recipe with steps tunes them.

mod config;
mod entries;

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{IndexingUpdateOp, Tensor, TensorData};

pub use self::config::Config;
use self::entries::{Entries, Match};
use super::ops::{self, ids};
use super::settings::at_least_1;
use super::{Batch, CodingModel, Initialiser, Task, Tokens};

/// The dictionary.
#[derive(Module, Debug)]
pub struct EvidenceDictionary {
    /// The log-odds of each (entry, code), `[pair]`.
    strength: Param<Tensor<1>>,
    /// The log-odds of each code where no entry speaks for it, `[code]`.
    prior: Param<Tensor<1>>,
    #[module(skip)]
    entries: Arc<Entries>,
}

/// Share below which a pair's log-odds are kept finite, and above 1 minus which.
const LEAST: f64 = 1e-9;
/// The same for a share that is nearly 1: what single precision still tells from 1.
const GREATEST: f64 = 1.0 - 1e-6;

impl CodingModel for EvidenceDictionary {
    type Config = Config;

    const ABOUT: &'static str =
        "dictionary of annotated evidence, noisy-or over the spans found in a note; fitted in one pass";

    const MADE_OF_EVIDENCE: bool = true;

    const TOKENS: Tokens = Tokens::Words;

    fn tiny() -> Config {
        Config {
            longest: 4,
            bag: 4,
            window: 3,
            part: 2,
            smoothing: [0.2, 1.5, 1.0],
            part_weight: 0.3,
            prior: 0.1,
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            longest: 12,
            bag: 8,
            window: 8,
            part: 2,
            smoothing: [0.2, 1.5, 1.0],
            part_weight: 0.3,
            prior: 1e-4,
        }
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        at_least_1(&[
            ("longest", config.longest),
            ("bag", config.bag),
            ("window", config.window),
        ])?;
        if config.part > 3 {
            return Err(format!(
                "part = {}: expected at most 3: there would be too many smaller bags",
                config.part
            ));
        }
        if let Some(found) = config
            .smoothing
            .iter()
            .find(|value| !(value.is_finite() && **value > 0.0))
        {
            return Err(format!("smoothing holds {found}: expected numbers above 0"));
        }
        for (name, value) in [("part-weight", config.part_weight), ("prior", config.prior)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(format!("{name} = {value}: expected a number above 0, and at most 1"));
            }
        }
        match &task.evidence {
            Some(evidence) if evidence.notes.iter().any(|note| !note.spans.is_empty()) => Ok(()),
            _ => Err("the training notes have no evidence spans; use a data set that has (CodiEsp in Spanish)".into()),
        }
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let evidence = task.evidence.as_deref().map_or(&[][..], |evidence| &evidence.notes);
        let (entries, shares) = Entries::fit(config, evidence);
        let odds = |share: f64| {
            let share = share.clamp(LEAST, GREATEST);
            (share / (1.0 - share)).ln() as f32
        };
        let notes = task.training_notes.max(1) as f64;
        let frequency = task
            .code_frequency
            .iter()
            .map(|&count| odds(config.prior * f64::from(count) / notes));
        Self {
            strength: initialiser.values([shares.len()], shares.into_iter().map(odds).collect()),
            prior: initialiser.values([task.codes], frequency.collect()),
            entries: Arc::new(entries),
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let codes = self.prior.dims()[0];
        let (mut pairs, mut cells) = (Vec::new(), Vec::new());
        for note in 0..batch.notes() {
            for found in self.entries.matches(batch.note(note)) {
                for pair in self.entries.pairs(&found) {
                    pairs.push(pair as i32);
                    cells.push((note * codes + self.entries.code(pair)) as i32);
                }
            }
        }
        // The hazard of a pair is -ln(1 - share): noisy-or adds them up.
        let prior = softplus(self.prior.val())
            .reshape([1, codes])
            .repeat_dim(0, batch.notes());
        if pairs.is_empty() {
            return log_odds(prior);
        }
        let strength = ops::lookup(self.strength.val().unsqueeze_dim(1), &pairs);
        let spoken = prior.reshape([batch.notes() * codes, 1]).select_assign(
            0,
            ids(cells, &batch.device()),
            softplus(strength),
            IndexingUpdateOp::Add,
        );
        log_odds(spoken.reshape([batch.notes(), codes]))
    }

    fn explains(_config: &Config) -> bool {
        true
    }

    /// The shares of the entries that speak for the code, at the tokens that they were found at.
    fn explain(&self, batch: &Batch, codes: &[usize]) -> Option<Vec<Tensor<2>>> {
        let strength = super::parameters::host(self.strength.val().inner());
        let [notes, width] = [batch.notes(), batch.width()];
        let mut weights = vec![vec![0f32; notes * width]; codes.len()];
        for note in 0..notes {
            let found: Vec<Match> = self.entries.matches(batch.note(note));
            for (weights, &code) in weights.iter_mut().zip(codes) {
                let row = &mut weights[note * width..][..width];
                for found in &found {
                    let speaking = self.entries.pairs(found).find(|&pair| self.entries.code(pair) == code);
                    let Some(pair) = speaking else { continue };
                    let share = 1.0 / (1.0 + (-strength[pair]).exp());
                    // The strongest entry at a token counts: weaker ones are mostly its own parts.
                    for &place in &found.places {
                        row[place] = row[place].max(share);
                    }
                }
                let length = batch.lengths()[note];
                let total: f32 = row.iter().sum();
                match total > 0.0 {
                    true => row.iter_mut().for_each(|weight| *weight /= total),
                    // Nothing speaks for it: every token as much as any other.
                    false => row[..length].fill(1.0 / length.max(1) as f32),
                }
            }
        }
        let device = batch.device();
        let tensor = |weights| Tensor::from_data(TensorData::new(weights, [notes, width]), &device);
        Some(weights.into_iter().map(tensor).collect())
    }
}

/// `ln(1 + exp(x))`, which does not overflow.
fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    burn::tensor::activation::relu(x.clone()) + (-x.abs()).exp().log1p()
}

/// The log-odds of a share from its hazard `h = -ln(1 - share)`: `ln(exp(h) - 1)`.
fn log_odds(hazard: Tensor<2>) -> Tensor<2> {
    // Of a small hazard the difference has no digits left: there its series.
    let small = hazard.clone().lower_elem(0.05);
    let at_least = hazard.clone().clamp_min(0.05);
    let of_large = at_least.clone() + (-(-at_least).exp()).log1p();
    let at_most = hazard.clamp_max(0.05);
    let of_small = at_most.clone().log() + at_most.clone() * 0.5 + at_most.square() / 24.0;
    of_large.mask_where(small, of_small)
}
