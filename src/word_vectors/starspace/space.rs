//! The vectors of words and labels, and one batch's step.

use pulp::{Simd, WithSimd};

use super::super::settings::{Loss, Similarity, StarSpace};
use super::super::table::Table;
use crate::kernels::vector;

/// Notes that are learnt from together, and the labels that all of them are held against.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// Each note's words, with how often it has each.
    pub bags: Vec<&'a [(u32, u32)]>,
    /// Each note's label.
    pub labels: Vec<u32>,
    /// Drawn labels; those that are a note's own are passed over.
    pub drawn: Vec<u32>,
}

/// Vectors of words, and after them those of labels.
#[derive(Debug)]
pub struct Space {
    settings: StarSpace,
    /// The row of the first label.
    words: u32,
    rows: Table,
    /// Sums of squared gradients by row, over the dimension.
    squares: Vec<f32>,
}

/// A note of a batch: its vector, and what it learns.
struct Learnt {
    note: Vec<f32>,
    /// What each of its words is moved against.
    gradient: Vec<f32>,
    /// By how much its own label and each drawn one move against its vector, over the rate; none of those passed over.
    own: f32,
    drawn: Vec<(usize, f32)>,
}

impl Space {
    /// A space with vectors to start from, row-major `[word, dimension]` and then `[label, dimension]`.
    pub fn new(settings: &StarSpace, words: usize, start: &[f32]) -> Self {
        Self {
            words: words as u32,
            rows: Table::of(start, settings.dimension),
            squares: vec![0.0; start.len() / settings.dimension],
            settings: settings.clone(),
        }
    }

    /// The first rows, row-major: those of words come first.
    pub fn vectors(&self, rows: usize) -> Vec<f32> {
        self.rows.first(rows)
    }

    /// One step. Gives the batch's loss before it, summed over its notes.
    ///
    /// # Panics
    /// When a word or a label has no vector.
    pub fn learn(&mut self, batch: &Batch, rate: f32) -> f32 {
        vector::dispatch(Learn {
            space: self,
            batch,
            rate,
        })
    }
}

struct Learn<'a> {
    space: &'a mut Space,
    batch: &'a Batch<'a>,
    rate: f32,
}

impl WithSimd for Learn<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let Self { space, batch, rate } = self;
        let drawn: Vec<Vec<f32>> = batch.drawn.iter().map(|&label| space.label(simd, label)).collect();
        let mut loss = 0.0;
        let mut learnt = Vec::with_capacity(batch.bags.len());
        for (bag, &label) in batch.bags.iter().zip(&batch.labels) {
            let note = space.note(simd, bag);
            let own = space.label(simd, label);
            let others = batch.drawn.iter().zip(&drawn).enumerate();
            let others: Vec<(usize, &[f32])> = others
                .filter(|(_, (drawn, _))| **drawn != label)
                .map(|(place, (_, row))| (place, &row[..]))
                .collect();
            let (of_note, found) = match space.settings.loss {
                Loss::Hinge => space.hinge(simd, (note, own), &others, batch.drawn.len()),
                Loss::Softmax => softmax(simd, (note, own), &others),
            };
            loss += of_note;
            learnt.push(found);
        }
        space.step(simd, batch, &learnt, rate);
        loss
    }
}

impl Space {
    /// A note's vector.
    #[inline(always)]
    fn note<S: Simd>(&self, simd: S, bag: &[(u32, u32)]) -> Vec<f32> {
        let mut sum = vec![0.0; self.rows.row(0).len()];
        let mut words = 0u64;
        for &(word, count) in bag {
            add_scaled(simd, &mut sum, self.rows.row(word), count as f32);
            words += u64::from(count);
        }
        self.divide(simd, &mut sum, words as f64);
        sum
    }

    /// A label's vector.
    #[inline(always)]
    fn label<S: Simd>(&self, simd: S, label: u32) -> Vec<f32> {
        let mut row = self.rows.row(self.words + label).to_vec();
        self.divide(simd, &mut row, 1.0);
        row
    }

    #[inline(always)]
    fn divide<S: Simd>(&self, simd: S, row: &mut [f32], members: f64) {
        let divisor = match self.settings.similarity {
            Similarity::Dot => members.powf(self.settings.p) as f32,
            Similarity::Cosine => vector::dot(simd, row, row).sqrt().max(f32::EPSILON),
        };
        scale(simd, row, 1.0 / divisor);
    }

    #[inline(always)]
    fn similarity<S: Simd>(&self, simd: S, one: &[f32], other: &[f32]) -> f32 {
        let product = vector::dot(simd, one, other);
        match self.settings.similarity {
            Similarity::Dot => product,
            Similarity::Cosine => {
                let squares = vector::dot(simd, one, one) * vector::dot(simd, other, other);
                if squares > 0.0 { product / squares.sqrt() } else { 0.0 }
            }
        }
    }

    /// The first drawn labels that are too similar, at most so many, each with the same weight.
    #[inline(always)]
    fn hinge<S: Simd>(
        &self,
        simd: S,
        (note, own): (Vec<f32>, Vec<f32>),
        others: &[(usize, &[f32])],
        looked_at: usize,
    ) -> (f32, Option<Learnt>) {
        let similar = self.similarity(simd, &note, &own);
        let mut gradient = vec![0.0; note.len()];
        let mut drawn = Vec::new();
        let mut loss = 0.0;
        for &(place, other) in others {
            let missing = self.settings.margin as f32 - similar + self.similarity(simd, &note, other);
            if missing > 0.0 {
                loss += missing;
                add_scaled(simd, &mut gradient, other, 1.0);
                drawn.push((place, 0.0));
                if drawn.len() == self.settings.max_neg_samples as usize {
                    break;
                }
            }
        }
        if drawn.is_empty() {
            return (0.0, None);
        }
        let share = 1.0 / drawn.len() as f32;
        drawn.iter_mut().for_each(|(_, weight)| *weight = share);
        scale(simd, &mut gradient, share);
        add_scaled(simd, &mut gradient, &own, -1.0);
        let learnt = Learnt {
            note,
            gradient,
            own: -1.0,
            drawn,
        };
        (loss / looked_at as f32, Some(learnt))
    }

    /// Moves the rows, one note after another, then the drawn labels, and cuts those that were moved.
    #[inline(always)]
    fn step<S: Simd>(&mut self, simd: S, batch: &Batch, learnt: &[Option<Learnt>], rate: f32) {
        let notes = batch.bags.iter().zip(&batch.labels).zip(learnt);
        for ((bag, &label), learnt) in notes {
            let Some(learnt) = learnt else { continue };
            let (words, labels) = self.mean_squares(simd, learnt);
            for &(word, count) in *bag {
                let rates = self.rates(word, words, count, rate);
                add_scaled(simd, self.rows.row_mut(word), &learnt.gradient, -rates);
            }
            self.move_label(simd, label, learnt, (labels, learnt.own * rate));
        }
        for (place, &label) in batch.drawn.iter().enumerate() {
            for learnt in learnt.iter().flatten() {
                let found = learnt.drawn.binary_search_by_key(&place, |&(place, _)| place);
                let Ok(found) = found else { continue };
                let (_, labels) = self.mean_squares(simd, learnt);
                self.move_label(simd, label, learnt, (labels, learnt.drawn[found].1 * rate));
            }
        }
        for (bag, &label) in batch.bags.iter().zip(&batch.labels) {
            bag.iter().for_each(|&(word, _)| self.cut(simd, word));
            self.cut(simd, self.words + label);
        }
        for &label in &batch.drawn {
            self.cut(simd, self.words + label);
        }
    }

    /// What adagrad adds for a step of a word and of a label.
    #[inline(always)]
    fn mean_squares<S: Simd>(&self, simd: S, learnt: &Learnt) -> (f32, f32) {
        let dimension = self.settings.dimension as f32;
        let mean = |row: &[f32]| vector::dot(simd, row, row) / dimension;
        (mean(&learnt.gradient), mean(&learnt.note))
    }

    #[inline(always)]
    fn move_label<S: Simd>(&mut self, simd: S, label: u32, learnt: &Learnt, (squares, rate): (f32, f32)) {
        let row = self.words + label;
        let rate = self.rates(row, squares, 1, rate);
        add_scaled(simd, self.rows.row_mut(row), &learnt.note, -rate);
    }

    /// The rates of so many steps of a row together, each of the same gradient.
    #[inline(always)]
    fn rates(&mut self, row: u32, squares: f32, steps: u32, rate: f32) -> f32 {
        if !self.settings.adagrad {
            return rate * steps as f32;
        }
        let sum = &mut self.squares[row as usize];
        let mut rates = 0.0;
        for _ in 0..steps {
            *sum += squares;
            rates += rate / (*sum + 1e-6).sqrt();
        }
        rates
    }

    #[inline(always)]
    fn cut<S: Simd>(&mut self, simd: S, row: u32) {
        let row = self.rows.row_mut(row);
        let length = vector::dot(simd, row, row).sqrt();
        let most = self.settings.norm as f32;
        if length > most {
            scale(simd, row, most / length);
        }
    }
}

/// A note's own label among the drawn ones.
#[inline(always)]
fn softmax<S: Simd>(simd: S, (note, own): (Vec<f32>, Vec<f32>), others: &[(usize, &[f32])]) -> (f32, Option<Learnt>) {
    if others.is_empty() {
        return (0.0, None);
    }
    let product = vector::dot(simd, &note, &own);
    let mut products: Vec<f32> = others.iter().map(|(_, row)| vector::dot(simd, &note, row)).collect();
    let most = products.iter().fold(product, |most, &other| most.max(other));
    let first = (product - most).exp();
    products
        .iter_mut()
        .for_each(|product| *product = (*product - most).exp());
    let sum = first + products.iter().sum::<f32>();
    let mut gradient = vec![0.0; note.len()];
    let right = first / sum;
    add_scaled(simd, &mut gradient, &own, right - 1.0);
    let mut drawn = Vec::with_capacity(others.len());
    for (&(place, row), &product) in others.iter().zip(&products) {
        add_scaled(simd, &mut gradient, row, product / sum);
        drawn.push((place, product / sum));
    }
    let learnt = Learnt {
        note,
        gradient,
        own: right - 1.0,
        drawn,
    };
    (-right.ln(), Some(learnt))
}

/// `sum += factor * row`.
#[inline(always)]
fn add_scaled<S: Simd>(simd: S, sum: &mut [f32], row: &[f32], factor: f32) {
    let factor = simd.splat_f32s(factor);
    vector::update(
        simd,
        sum,
        row,
        #[inline(always)]
        |sum, row| simd.mul_add_e_f32s(factor, row, sum),
    );
}

#[inline(always)]
fn scale<S: Simd>(simd: S, row: &mut [f32], factor: f32) {
    let factor = simd.splat_f32s(factor);
    vector::apply(
        simd,
        row,
        #[inline(always)]
        |value| simd.mul_f32s(value, factor),
    );
}
