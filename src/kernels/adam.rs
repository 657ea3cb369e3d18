//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019) in one pass over a parameter,
//! operation for operation what Burn's optimisers do in a dozen passes.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vector;

/// Elements handled by one task.
const PIECE: usize = 1 << 14;

/// The settings of the update.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Decay of the first and of the second moment.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Weight decay; 0 for none.
    pub weight_decay: f32,
    /// Whether the decay shrinks the value (AdamW) or is added to the gradient (Adam).
    pub decoupled: bool,
}

/// One parameter and its moments, all of one length.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// The parameter's elements.
    pub value: &'a mut [f32],
    /// Running mean of the gradient; zeros before the first step.
    pub first: &'a mut [f32],
    /// Running mean of the gradient's square; zeros before the first step.
    pub second: &'a mut [f32],
}

/// Takes step number `time`, counted from 1, at the given learning rate. The gradient is multiplied by
/// `scale` first, which saves clipping a pass.
///
/// # Panics
/// If the lengths differ or `time` is 0.
pub fn step(rule: &Rule, rate: f64, time: usize, scale: f32, parameter: Parameter, gradient: &[f32]) {
    let Parameter { value, first, second } = parameter;
    let count = value.len();
    assert!(gradient.len() == count && first.len() == count && second.len() == count);
    assert!(time > 0, "steps are counted from 1");
    let time = i32::try_from(time).unwrap_or(i32::MAX);
    let corrections = rule.betas.map(|beta| 1.0 - beta.powi(time));
    let decay = rate * f64::from(rule.weight_decay);
    let factors = Factors {
        scale,
        penalty: if rule.decoupled { 0.0 } else { rule.weight_decay },
        shrink: if rule.decoupled { (1.0 - decay) as f32 } else { 1.0 },
        betas: rule.betas,
        correction: if rule.decoupled {
            Correction::Moments(corrections)
        } else {
            Correction::Quotient(corrections[1].sqrt() / corrections[0])
        },
        epsilon: if rule.decoupled {
            rule.epsilon
        } else {
            rule.epsilon * corrections[1].sqrt()
        },
        rate: rate as f32,
    };
    value
        .par_chunks_mut(PIECE)
        .zip(first.par_chunks_mut(PIECE))
        .zip(second.par_chunks_mut(PIECE))
        .zip(gradient.par_chunks(PIECE))
        .for_each(|(((value, first), second), gradient)| {
            let parameter = Parameter { value, first, second };
            vector::dispatch(Step {
                factors,
                parameter,
                gradient,
            });
        });
}

#[derive(Clone, Copy)]
struct Factors {
    scale: f32,
    penalty: f32,
    shrink: f32,
    betas: [f32; 2],
    correction: Correction,
    epsilon: f32,
    rate: f32,
}

/// How the moments' bias towards 0 is undone: Burn's AdamW divides both moments, its Adam multiplies
/// their quotient. The two differ in rounding only.
#[derive(Clone, Copy)]
enum Correction {
    Moments([f32; 2]),
    Quotient(f32),
}

struct Step<'a> {
    factors: Factors,
    parameter: Parameter<'a>,
    gradient: &'a [f32],
}

/// New value, first and second moment. Products and sums are rounded apart, as Burn rounds them.
#[inline(always)]
fn update<S: Simd>(simd: S, factors: &Factors, [value, first, second, gradient]: [S::f32s; 4]) -> [S::f32s; 3] {
    let times = {
        #[inline(always)]
        |x: S::f32s, factor: f32| simd.mul_f32s(x, simd.splat_f32s(factor))
    };
    let [beta_1, beta_2] = factors.betas;
    let mut gradient = times(gradient, factors.scale);
    if factors.penalty != 0.0 {
        gradient = simd.add_f32s(gradient, times(value, factors.penalty));
    }
    let first = simd.add_f32s(times(first, beta_1), times(gradient, 1.0 - beta_1));
    let square = simd.mul_f32s(gradient, gradient);
    let second = simd.add_f32s(times(second, beta_2), times(square, 1.0 - beta_2));
    let (mean, power) = match factors.correction {
        Correction::Moments([first_by, second_by]) => (
            simd.div_f32s(first, simd.splat_f32s(first_by)),
            simd.div_f32s(second, simd.splat_f32s(second_by)),
        ),
        Correction::Quotient(factor) => (times(first, factor), second),
    };
    let root = simd.add_f32s(simd.sqrt_f32s(power), simd.splat_f32s(factors.epsilon));
    let change = times(simd.div_f32s(mean, root), factors.rate);
    [simd.sub_f32s(times(value, factors.shrink), change), first, second]
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factors = &self.factors;
        let Parameter { value, first, second } = self.parameter;
        let (v, v_tail) = S::as_mut_simd_f32s(value);
        let (m, m_tail) = S::as_mut_simd_f32s(first);
        let (s, s_tail) = S::as_mut_simd_f32s(second);
        let (g, g_tail) = S::as_simd_f32s(self.gradient);
        for (((v, m), s), g) in v.iter_mut().zip(m).zip(s).zip(g) {
            [*v, *m, *s] = update(simd, factors, [*v, *m, *s, *g]);
        }
        if !v_tail.is_empty() {
            let before = [
                simd.partial_load_f32s(v_tail),
                simd.partial_load_f32s(m_tail),
                simd.partial_load_f32s(s_tail),
                simd.partial_load_f32s(g_tail),
            ];
            let [v, m, s] = update(simd, factors, before);
            simd.partial_store_f32s(v_tail, v);
            simd.partial_store_f32s(m_tail, m);
            simd.partial_store_f32s(s_tail, s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    const COUNT: usize = 40_005;

    fn run(rule: &Rule, steps: usize, scale: f32) -> [Vec<f32>; 3] {
        let mut found = [noise(1, COUNT), vec![0.0; COUNT], vec![0.0; COUNT]];
        for time in 1..=steps {
            let [value, first, second] = &mut found;
            let gradient = noise(time as u64 + 1, COUNT);
            step(rule, 0.01, time, scale, Parameter { value, first, second }, &gradient);
        }
        found
    }

    fn rule(weight_decay: f32, decoupled: bool) -> Rule {
        Rule {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay,
            decoupled,
        }
    }

    #[test]
    fn values_match_f64() {
        for (decay, decoupled) in [(0.0, true), (0.1, true), (0.1, false)] {
            let mut value: Vec<f64> = noise(1, COUNT).into_iter().map(f64::from).collect();
            let (mut first, mut second) = (vec![0.0; COUNT], vec![0.0; COUNT]);
            for time in 1..=3 {
                for (at, gradient) in noise(time as u64 + 1, COUNT).into_iter().enumerate() {
                    let mut gradient = 0.5 * f64::from(gradient);
                    if decoupled {
                        value[at] *= 1.0 - 0.01 * decay;
                    } else {
                        gradient += decay * value[at];
                    }
                    first[at] = 0.9 * first[at] + 0.1 * gradient;
                    second[at] = 0.999 * second[at] + 0.001 * gradient * gradient;
                    let root = (second[at] / (1.0 - 0.999f64.powi(time))).sqrt() + 1e-8;
                    value[at] -= 0.01 * first[at] / (1.0 - 0.9f64.powi(time)) / root;
                }
            }
            let found = run(&rule(decay as f32, decoupled), 3, 0.5);
            close(&found[0], &value, 1e-5);
            close(&found[1], &first, 1e-5);
            close(&found[2], &second, 1e-4);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let rule = rule(0.1, true);
        let threads = |count| in_pool(count, || run(&rule, 2, 1.0));
        assert_eq!(threads(1), threads(2));
    }
}
