//! What the tests of this module share: made-up notes, a vocabulary and settings.

use super::documents::Documents;
use super::pieces::Pieces;
use super::random::{Random, What};
use super::settings::{Development, DevelopmentNotes, Objective, Pretraining, Sentences, Start};
use crate::models::bert::EncoderConfig;
use crate::train::{Decay, Moments, Optimiser, Schedule};

/// Ids below are special: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`.
const SPECIAL: u32 = 5;
const VOCABULARY: u32 = 45;

/// A vocabulary of which every third token goes on with a word.
pub(super) fn pieces() -> Pieces {
    let continues = (0..VOCABULARY)
        .map(|id| id >= SPECIAL && id.is_multiple_of(3))
        .collect();
    Pieces::new([2, 3, 4, 0, 1], continues).unwrap()
}

/// So many notes of one to nine sentences of one to nine tokens.
pub(super) fn notes(seed: u64, count: usize) -> Documents {
    let mut random = Random::new(seed, What::Development, 77, 0);
    let sentence = |random: &mut Random| -> Vec<u32> {
        let tokens = random.between(1, 9);
        (0..tokens)
            .map(|_| SPECIAL + random.below((VOCABULARY - SPECIAL) as usize) as u32)
            .collect()
    };
    let notes: Vec<Vec<Vec<u32>>> = (0..count)
        .map(|_| {
            let sentences = random.between(1, 9);
            (0..sentences).map(|_| sentence(&mut random)).collect()
        })
        .collect();
    Documents::new(&notes, usize::MAX)
}

pub(super) fn settings() -> Pretraining {
    Pretraining {
        text: "pieces".into(),
        unlabelled: Vec::new(),
        encoder: EncoderConfig::smallest(),
        start: Start::Scratch,
        objective: Objective {
            masked: 0.15,
            as_mask: 0.8,
            as_random: 0.1,
            whole_word: false,
            next_sentence: true,
        },
        sentences: Sentences::LineEnds,
        longest_sentence: 100,
        length: 24,
        first: None,
        short_sequences: 0.1,
        epochs: 2,
        most_steps: None,
        batch_size: 2,
        accumulate: 2,
        optimiser: Optimiser::AdamW(Moments {
            betas: [0.9, 0.999],
            epsilon: 1e-6,
            weight_decay: 0.01,
            decay: Decay::Matrices,
        }),
        learning_rate: 0.01,
        schedule: Schedule::Linear { warmup: 0.1 },
        clip_norm: 1.0,
        vocabulary_block: 16,
        development: Development {
            notes: DevelopmentNotes::Validation,
            sequences: 6,
            every: 3,
        },
        seed: 1,
    }
}
