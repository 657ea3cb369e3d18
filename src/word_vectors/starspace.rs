//! StarSpace (Wu et al. 2018) with a note's words as input and one of its codes as label, as the authors' program defines its
//! steps. Two of its habits are kept: the gradient at a word leaves out what the bag's vector is divided by, and so does that at
//! a code. One is not: there a thread of its own cuts rows to their greatest length whenever it comes by, here each row that a
//! batch has moved is cut after it.

use super::corpus::{Corpus, Labels};
use super::draws::Draws;
use super::error::Error;
use super::network::finite;
use super::progress::{Listener, Progress};
use super::settings::StarSpace;

mod space;

pub use space::{Batch, Space};

/// The learning rate at the end.
const LAST_RATE: f64 = 1e-9;
/// Notes after which the rate falls within an epoch.
const NOTES_A_FALL: usize = 1_000;

/// Streams that are drawn from.
const START: u64 = u64::MAX;
const ORDER: u64 = u64::MAX - 1;

/// Trains vectors of words beside those of codes; row-major `[word, dimension]`, of the words that occur often enough.
///
/// # Errors
/// Fewer than two words do, no text has a word and a label, the numbers leave all bounds, or the listener stops it.
pub fn starspace(
    settings: &StarSpace,
    corpus: &Corpus,
    labels: &Labels,
    listener: Listener,
) -> Result<Vec<f32>, Error> {
    let words = corpus.frequent(settings.min_count);
    if words < 2 {
        return Err(Error::TooFewWords {
            words,
            min_count: settings.min_count,
        });
    }
    let bags: Vec<Vec<(u32, u32)>> = (0..corpus.texts()).map(|text| bag(corpus.text(text), words)).collect();
    let examples: Vec<u32> = (0..corpus.texts() as u32)
        .filter(|&text| !bags[text as usize].is_empty() && !labels.of_text[text as usize].is_empty())
        .collect();
    if examples.is_empty() {
        return Err(Error::NoExample { texts: corpus.texts() });
    }
    let mut space = Space::new(settings, words, &start(settings, words + labels.count));
    let all = corpus.words.len() as u64 * u64::from(settings.epochs);
    let limit = (settings.neg_search_limit as usize).min(examples.len());
    let mut done = 0;
    for epoch in 0..settings.epochs {
        let mut order = examples.clone();
        Draws::new(settings.seed, [ORDER, epoch.into()]).shuffle(&mut order);
        for (index, texts) in order.chunks(settings.batch_size as usize).enumerate() {
            let epoch_now = epoch + 1;
            if !listener(Progress {
                epoch: epoch_now,
                done,
                all,
            }) {
                return Err(Error::Stopped);
            }
            let mut draws = Draws::new(settings.seed, [epoch.into(), index as u64]);
            let mut label = |text: u32| {
                let labels = &labels.of_text[text as usize];
                labels[draws.below(labels.len() as u32) as usize]
            };
            let own: Vec<u32> = texts.iter().map(|&text| label(text)).collect();
            let drawn = draw(&examples, labels, limit, &mut draws);
            let batch = Batch {
                bags: texts.iter().map(|&text| &bags[text as usize][..]).collect(),
                labels: own,
                drawn,
            };
            let before = index * settings.batch_size as usize;
            space.learn(&batch, rate(settings, epoch, before, examples.len()) as f32);
            done += texts
                .iter()
                .map(|&text| corpus.text(text as usize).len() as u64)
                .sum::<u64>();
        }
    }
    finite(space.vectors(words), settings.epochs, "lr")
}

/// So many labels, each one of a text that is drawn too.
fn draw(examples: &[u32], labels: &Labels, limit: usize, draws: &mut Draws) -> Vec<u32> {
    let mut one = || {
        let text = examples[draws.below(examples.len() as u32) as usize];
        let labels = &labels.of_text[text as usize];
        labels[draws.below(labels.len() as u32) as usize]
    };
    (0..limit).map(|_| one()).collect()
}

/// The learning rate after so many of an epoch's notes.
fn rate(settings: &StarSpace, epoch: u32, before: usize, notes: usize) -> f64 {
    let of_epoch = (settings.lr - LAST_RATE) / f64::from(settings.epochs);
    let falls = notes / NOTES_A_FALL;
    let fallen = match falls {
        0 => 0.0,
        falls => (before / NOTES_A_FALL) as f64 / falls as f64,
    };
    settings.lr - of_epoch * (f64::from(epoch) + fallen)
}

/// Each word of a text that has a vector, with how often the text has it, by number.
fn bag(text: &[u32], words: usize) -> Vec<(u32, u32)> {
    let mut sorted: Vec<u32> = text.iter().copied().filter(|&word| (word as usize) < words).collect();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|one, other| one == other);
    runs.map(|run| (run[0], run.len() as u32)).collect()
}

/// Vectors to start from, of words and then of labels.
fn start(settings: &StarSpace, rows: usize) -> Vec<f32> {
    let mut draws = Draws::new(settings.seed, [START, 0]);
    let values = rows * settings.dimension;
    (0..values)
        .map(|_| (settings.init_rand_sd * draws.normal()) as f32)
        .collect()
}
