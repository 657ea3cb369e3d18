//! word2vec's steps in vector instructions: one predicted word after another, as the published program takes them.

use pulp::{Simd, WithSimd};

use super::network::{Drawn, Network, around};
use super::settings::Architecture;
use super::sigmoid::{DECIDED, POINTS_A_UNIT};
use super::table::Table;
use crate::kernels::vector;

impl Network {
    /// One step after another over what was drawn. Hierarchical softmax comes first where both are learnt.
    ///
    /// # Panics
    /// When a word has no vector, or fewer negatives were drawn than are learnt from.
    pub fn learn(&mut self, drawn: &Drawn, alpha: f32) {
        vector::dispatch(Learn {
            network: self,
            drawn,
            alpha,
        });
    }
}

struct Learn<'a> {
    network: &'a mut Network,
    drawn: &'a Drawn,
    alpha: f32,
}

impl WithSimd for Learn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.network.architecture {
            Architecture::Cbow => self.cbow(simd),
            Architecture::SkipGram => self.skip_gram(simd),
        }
    }
}

impl Learn<'_> {
    #[inline(always)]
    fn cbow<S: Simd>(self, simd: S) {
        let Self { network, drawn, alpha } = self;
        let (window, mean) = (network.window, network.mean);
        let rule = Rule {
            alpha,
            sigmoids: network.sigmoids.as_deref(),
        };
        let input = &mut network.input;
        let (hidden, change) = network.scratch.pair_mut();
        let words = &drawn.words[..];
        let mut negatives = &drawn.negatives[..];
        let mut start = 0;
        for &end in &drawn.ends {
            for place in start..end {
                let word = words[place];
                let reach = window - drawn.narrower[place] as usize;
                let (from, to) = around(place, (start, end), reach);
                let sides = [&words[from..place], &words[place + 1..to]];
                let count = to - from - 1;
                if count == 0 {
                    continue;
                }
                let share = 1.0 / count as f32;
                if let Some((tree, nodes)) = &mut network.nodes {
                    gather(simd, input, sides, hidden, mean.then_some(share));
                    change.fill(0.0);
                    for &(node, second) in tree.path(word) {
                        toward(simd, hidden, nodes.row_mut(node), change, (!second, rule));
                    }
                    scatter(simd, input, sides, change, (!mean).then_some(share));
                }
                if let Some((count, outputs)) = &mut network.negative {
                    let (own, rest) = negatives.split_at(*count);
                    negatives = rest;
                    gather(simd, input, sides, hidden, mean.then_some(share));
                    change.fill(0.0);
                    toward(simd, hidden, outputs.row_mut(word), change, (true, rule));
                    for &other in own.iter().filter(|&&other| other != word) {
                        toward(simd, hidden, outputs.row_mut(other), change, (false, rule));
                    }
                    scatter(simd, input, sides, change, (!mean).then_some(share));
                }
            }
            start = end;
        }
    }

    #[inline(always)]
    fn skip_gram<S: Simd>(self, simd: S) {
        let Self { network, drawn, alpha } = self;
        let window = network.window;
        let rule = Rule {
            alpha,
            sigmoids: network.sigmoids.as_deref(),
        };
        let input = &mut network.input;
        let (_, change) = network.scratch.pair_mut();
        let words = &drawn.words[..];
        let mut negatives = &drawn.negatives[..];
        let mut start = 0;
        for &end in &drawn.ends {
            for place in start..end {
                let word = words[place];
                let reach = window - drawn.narrower[place] as usize;
                let (from, to) = around(place, (start, end), reach);
                for &near in words[from..place].iter().chain(&words[place + 1..to]) {
                    if let Some((tree, nodes)) = &mut network.nodes {
                        change.fill(0.0);
                        for &(node, second) in tree.path(word) {
                            toward(simd, input.row(near), nodes.row_mut(node), change, (!second, rule));
                        }
                        add(simd, input.row_mut(near), change);
                    }
                    if let Some((count, outputs)) = &mut network.negative {
                        let (own, rest) = negatives.split_at(*count);
                        negatives = rest;
                        change.fill(0.0);
                        toward(simd, input.row(near), outputs.row_mut(word), change, (true, rule));
                        for &other in own.iter().filter(|&&other| other != word) {
                            toward(simd, input.row(near), outputs.row_mut(other), change, (false, rule));
                        }
                        add(simd, input.row_mut(near), change);
                    }
                }
            }
            start = end;
        }
    }
}

/// `hidden` becomes the sum of the words' rows, times the share if there is one.
#[inline(always)]
fn gather<S: Simd>(simd: S, input: &Table, sides: [&[u32]; 2], hidden: &mut [f32], share: Option<f32>) {
    hidden.fill(0.0);
    for &word in sides[0].iter().chain(sides[1]) {
        add(simd, hidden, input.row(word));
    }
    if let Some(share) = share {
        scale(simd, hidden, share);
    }
}

/// Adds a change, times the share if there is one, to the words' rows.
#[inline(always)]
fn scatter<S: Simd>(simd: S, input: &mut Table, sides: [&[u32]; 2], change: &mut [f32], share: Option<f32>) {
    if let Some(share) = share {
        scale(simd, change, share);
    }
    for &word in sides[0].iter().chain(sides[1]) {
        add(simd, input.row_mut(word), change);
    }
}

/// How far a decision moves vectors.
#[derive(Clone, Copy)]
struct Rule<'a> {
    alpha: f32,
    sigmoids: Option<&'a [f32]>,
}

impl Rule<'_> {
    /// What is missing to the right decision, times the learning rate, in each lane.
    #[inline(always)]
    fn rate<S: Simd>(self, simd: S, product: f32, right: bool) -> S::f32s {
        let label = simd.splat_f32s(f32::from(u8::from(right)));
        let found = match self.sigmoids {
            Some(table) => simd.splat_f32s(table[((product + DECIDED) * POINTS_A_UNIT) as usize]),
            None => vector::sigmoid(simd, simd.splat_f32s(product)),
        };
        simd.mul_f32s(simd.sub_f32s(label, found), simd.splat_f32s(self.alpha))
    }
}

/// One decision: whether `target` is right. It moves towards or away from `hidden`, which is to be changed likewise.
#[inline(always)]
fn toward<S: Simd>(simd: S, hidden: &[f32], target: &mut [f32], change: &mut [f32], (right, rule): (bool, Rule)) {
    let product = vector::dot(simd, hidden, target);
    if product.abs() >= DECIDED {
        return;
    }
    let rate = rule.rate(simd, product, right);
    let (hidden, _) = S::as_simd_f32s(hidden);
    let (target, _) = S::as_mut_simd_f32s(target);
    let (change, _) = S::as_mut_simd_f32s(change);
    for ((hidden, target), change) in hidden.iter().zip(target).zip(change) {
        *change = simd.mul_add_e_f32s(rate, *target, *change);
        *target = simd.mul_add_e_f32s(rate, *hidden, *target);
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, sum: &mut [f32], row: &[f32]) {
    vector::update(
        simd,
        sum,
        row,
        #[inline(always)]
        |sum, row| simd.add_f32s(sum, row),
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
