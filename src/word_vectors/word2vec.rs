//! word2vec over a corpus: jobs of texts, what is drawn for each, and the learning rate.

use std::ops::Range;

use super::corpus::Corpus;
use super::draws::Draws;
use super::error::Error;
use super::network::{Drawn, Network, around, finite};
use super::progress::{Listener, Progress};
use super::sampling::{Negatives, kept_up_to};
use super::settings::{Architecture, Word2Vec};

/// Most words of a job, which has one learning rate, and of a text: what a longer one has after them is not read. So does
/// gensim.
const JOB: usize = 10_000;

/// Streams that are drawn from.
const START: u64 = u64::MAX;

/// Trains vectors; row-major `[word, dimension]`, of the words that occur often enough.
///
/// # Errors
/// Fewer than two words do, the numbers leave all bounds, or the listener stops it.
pub fn word2vec(settings: &Word2Vec, corpus: &Corpus, listener: Listener) -> Result<Vec<f32>, Error> {
    let words = corpus.frequent(settings.min_count);
    if words < 2 {
        return Err(Error::TooFewWords {
            words,
            min_count: settings.min_count,
        });
    }
    let counts = &corpus.counts[..words];
    let source = Source {
        settings,
        corpus,
        kept: kept_up_to(counts, settings.sample),
        negatives: Negatives::new(counts, settings.ns_exponent),
    };
    let mut network = Network::new(settings, counts, &start(settings, words));
    let jobs = jobs(corpus);
    let job = |index: usize| ((index / jobs.len()) as u32, &jobs[index % jobs.len()]);
    let all = jobs.len() * settings.epochs as usize;
    let (mut drawn, mut next) = (Drawn::default(), Drawn::default());
    source.draw(0, &jobs[0], &mut drawn);
    let mut done = 0;
    for index in 0..all {
        let (epoch, texts) = job(index);
        let progress = Progress {
            epoch: epoch + 1,
            done,
            all: corpus.words.len() as u64 * u64::from(settings.epochs),
        };
        if !listener(progress) {
            return Err(Error::Stopped);
        }
        let alpha = alpha(settings, epoch, texts.start as f64 / corpus.texts() as f64);
        let draw_next = || {
            if index + 1 < all {
                let (epoch, texts) = job(index + 1);
                source.draw(epoch, texts, &mut next);
            }
        };
        rayon::join(|| network.learn(&drawn, alpha), draw_next);
        std::mem::swap(&mut drawn, &mut next);
        done += texts.clone().map(|text| corpus.text(text).len() as u64).sum::<u64>();
    }
    finite(network.vectors(words), settings.epochs, "alpha")
}

/// The learning rate where so much of an epoch is done.
fn alpha(settings: &Word2Vec, epoch: u32, of_epoch: f64) -> f32 {
    let done = (f64::from(epoch) + of_epoch) / f64::from(settings.epochs);
    (settings.alpha - (settings.alpha - settings.min_alpha) * done) as f32
}

/// Vectors to start from.
fn start(settings: &Word2Vec, words: usize) -> Vec<f32> {
    let mut draws = Draws::new(settings.seed, [START, 0]);
    let bound = settings.initial / settings.dimension as f64;
    let values = words * settings.dimension;
    (0..values)
        .map(|_| (bound * (2.0 * draws.unit() - 1.0)) as f32)
        .collect()
}

/// Texts that are learnt from at one rate: as many as have at most [`JOB`] words together, one at least.
fn jobs(corpus: &Corpus) -> Vec<Range<usize>> {
    let mut jobs: Vec<Range<usize>> = Vec::new();
    let mut words = 0;
    for text in 0..corpus.texts() {
        let length = corpus.text(text).len();
        match jobs.last_mut() {
            Some(job) if words + length <= JOB => {
                job.end = text + 1;
                words += length;
            }
            _ => {
                jobs.push(text..text + 1);
                words = length;
            }
        }
    }
    jobs
}

/// What is drawn, and from what.
struct Source<'a> {
    settings: &'a Word2Vec,
    corpus: &'a Corpus<'a>,
    kept: Vec<u32>,
    negatives: Negatives,
}

impl Source<'_> {
    /// Draws for the texts of a job: each text has a stream of its own.
    fn draw(&self, epoch: u32, texts: &Range<usize>, drawn: &mut Drawn) {
        drawn.clear();
        for text in texts.clone() {
            let mut draws = Draws::new(self.settings.seed, [epoch.into(), text as u64]);
            self.draw_text(self.corpus.text(text), &mut draws, drawn);
        }
    }

    fn draw_text(&self, text: &[u32], draws: &mut Draws, drawn: &mut Drawn) {
        let Word2Vec {
            architecture,
            window,
            negative,
            sample,
            ..
        } = *self.settings;
        let start = drawn.words.len();
        for &word in text {
            let Some(&up_to) = self.kept.get(word as usize) else {
                continue;
            };
            if sample == 0.0 || draws.bits() as u32 <= up_to {
                drawn.words.push(word);
            }
        }
        drawn.words.truncate(start + JOB);
        let end = drawn.words.len();
        drawn.ends.push(end);
        drawn.narrower.extend((start..end).map(|_| draws.below(window)));
        if negative == 0 {
            return;
        }
        for place in start..end {
            let reach = (window - drawn.narrower[place]) as usize;
            let (from, to) = around(place, (start, end), reach);
            let near = to - from - 1;
            let predictions = match architecture {
                Architecture::Cbow => near.min(1),
                Architecture::SkipGram => near,
            };
            let drawn_here = predictions * negative as usize;
            drawn
                .negatives
                .extend((0..drawn_here).map(|_| self.negatives.draw(draws)));
        }
    }
}
