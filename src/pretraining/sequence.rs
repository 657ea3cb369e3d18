//! One sequence as a model reads it: special tokens around its parts, some tokens masked, and what stood there.
//!
//! Masks are those of BERT (Devlin et al. 2019, section 3.1): a share of the tokens is to be predicted, most of them are
//! replaced by `[MASK]`, some by a random token, and some stay. They depend on (seed, epoch, place in the epoch) alone.

use super::documents::Documents;
use super::epoch::{Epoch, room};
use super::pieces::Pieces;
use super::random::{Random, What};
use super::settings::{Objective, Pretraining};

/// A sequence that is to be predicted from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids as the model reads them: `[CLS] A [SEP] B [SEP]`, or `[CLS] A [SEP]`.
    pub tokens: Vec<i32>,
    /// 0 for each token up to the first `[SEP]`, 1 for the others.
    pub types: Vec<i32>,
    /// Places of the tokens that are to be predicted, in order.
    pub masked: Vec<usize>,
    /// What stood there.
    pub targets: Vec<i32>,
    /// Whether B is from another note; `None` where there is no B.
    pub is_random_next: Option<bool>,
}

/// What sequences are made with.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) documents: &'a Documents,
    pub(super) pieces: &'a Pieces,
    pub(super) settings: &'a Pretraining,
}

impl Maker<'_> {
    /// The sequence at a place of an epoch.
    pub(super) fn sequence(&self, epoch: &Epoch, place: usize) -> Sequence {
        let Self {
            documents,
            pieces,
            settings,
        } = self;
        let span = &epoch.spans[place];
        let mut random = Random::new(settings.seed, What::Masks, epoch.number, place as u64);
        let text = |sentences: &std::ops::Range<u32>| documents.text(sentences.start as usize..sentences.end as usize);
        let mut first = text(&span.first);
        let mut second = span.second.as_ref().map(|second| text(&second.sentences));
        let room = room(settings, epoch.number);
        match &mut second {
            Some(second) => cut_pair(&mut first, second, room, &mut random),
            None => first = &first[..first.len().min(room)],
        }
        let mut sequence = joined(first, second, pieces);
        sequence.is_random_next = span.second.as_ref().map(|second| second.is_random);
        mask(&mut sequence, &settings.objective, pieces, &mut random);
        sequence
    }
}

/// Takes tokens from the longer part, from its start or its end as a coin falls, until both fit.
fn cut_pair<'a>(first: &mut &'a [u32], second: &mut &'a [u32], room: usize, random: &mut Random) {
    while first.len() + second.len() > room {
        let longer = if first.len() > second.len() {
            &mut *first
        } else {
            &mut *second
        };
        *longer = match random.happens(0.5) {
            true => &longer[1..],
            false => &longer[..longer.len() - 1],
        };
    }
}

/// The parts with special tokens around them, nothing masked yet.
fn joined(first: &[u32], second: Option<&[u32]>, pieces: &Pieces) -> Sequence {
    let (cls, separator) = ([pieces.cls], [pieces.separator]);
    let mut tokens = [&cls, first, &separator].concat();
    let mut types = vec![0; tokens.len()];
    if let Some(second) = second {
        tokens.extend([second, &separator].concat());
        types.resize(tokens.len(), 1);
    }
    Sequence {
        tokens: tokens.into_iter().map(|token| token as i32).collect(),
        types,
        ..Sequence::default()
    }
}

/// The sequence of a text that the caller masks: each of the `masked` places, counted in the text, is replaced by `[MASK]`.
pub(super) fn masked_text(tokens: &[u32], masked: &[usize], pieces: &Pieces) -> Sequence {
    let mut sequence = joined(tokens, None, pieces);
    for place in masked.iter().map(|place| place + 1) {
        sequence.masked.push(place);
        sequence.targets.push(sequence.tokens[place]);
        sequence.tokens[place] = pieces.mask as i32;
    }
    sequence
}

/// Which places of a text are to be predicted, as pretraining chooses them, in order.
pub fn choose_masks(tokens: &[u32], objective: &Objective, pieces: &Pieces, seed: u64) -> Vec<usize> {
    let sequence = joined(tokens, None, pieces);
    let chosen = chosen(&sequence, objective, pieces, &mut Random::new(seed, What::Masks, 0, 0));
    chosen.into_iter().map(|place| place - 1).collect()
}

fn mask(sequence: &mut Sequence, objective: &Objective, pieces: &Pieces, random: &mut Random) {
    for place in chosen(sequence, objective, pieces, random) {
        let token = &mut sequence.tokens[place];
        sequence.masked.push(place);
        sequence.targets.push(*token);
        let drawn = random.unit();
        if drawn < objective.as_mask {
            *token = pieces.mask as i32;
        } else if drawn < objective.as_mask + objective.as_random {
            let ordinary = pieces.ordinary();
            *token = ordinary[random.below(ordinary.len())] as i32;
        }
    }
}

/// The places that are to be predicted, in order: never a special token's, and at least one. Where words are chosen whole,
/// one that has more pieces than are still wanted is passed over, unless all have.
fn chosen(sequence: &Sequence, objective: &Objective, pieces: &Pieces, random: &mut Random) -> Vec<usize> {
    let mut words: Vec<Vec<usize>> = Vec::new();
    let mut is_in_word = false;
    for (place, &token) in sequence.tokens.iter().enumerate() {
        let token = token as u32;
        if pieces.is_special(token) {
            is_in_word = false;
            continue;
        }
        match words.last_mut() {
            Some(word) if objective.whole_word && is_in_word && pieces.continues[token as usize] => word.push(place),
            _ => words.push(vec![place]),
        }
        is_in_word = true;
    }
    random.shuffle(&mut words);
    let wanted = ((sequence.tokens.len() as f64 * objective.masked).round() as usize).max(1);
    let mut chosen = Vec::with_capacity(wanted);
    for word in &words {
        if chosen.len() + word.len() <= wanted {
            chosen.extend(word);
        }
    }
    if let (true, Some(word)) = (chosen.is_empty(), words.first()) {
        chosen.extend(word);
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests;
