//! Vector forms of the functions the operators are made of, generic over the instruction set.
//!
//! The polynomials are Chebyshev interpolants computed for this file at 40 digits; each says over
//! which interval and with which relative error.

use pulp::{Arch, Simd, WithSimd};

/// `1.5 * 2^23`: adding it rounds a number below `2^22` to the nearest integer, held in the low bits.
const ROUND: f32 = 12_582_912.0;
const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts, the first short enough that its product with an exponent is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// `(e^r - 1 - r) / r^2` for |r| <= ln(2)/2; `e^r` then has relative error 1.0e-8.
const EXPONENTIAL: [f32; 5] = [0.5, 0.166_665_77, 0.041_666_463, 0.008_363_235, 0.001_393_373_3];
/// `z` below is `1 / (1 + STRETCH t)`.
const STRETCH: f32 = 0.25;
/// `Phi(-t) e^(t^2 / 2) / z` for t in 0..14, relative error 1.4e-8.
const TAIL: [f32; 10] = [
    0.099_752_925,
    0.099_395_216,
    0.096_324_29,
    0.068_222_16,
    0.097_604_62,
    -0.007_733_587,
    0.053_083_275,
    0.033_120_99,
    -0.054_891_215,
    0.015_121_336,
];
const INVERSE_ROOT_2_PI: f32 = 0.398_942_3;

/// Runs a kernel with the widest instructions this processor has.
pub fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
    Arch::new().dispatch(kernel)
}

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut value = simd.splat_f32s(coefficients[N - 1]);
    for index in (0..N - 1).rev() {
        value = simd.mul_add_e_f32s(value, x, simd.splat_f32s(coefficients[index]));
    }
    value
}

/// Not-a-number passes through, which the machine's own minimum and maximum do not promise.
#[inline(always)]
fn clamp<S: Simd>(simd: S, x: S::f32s, low: f32, high: f32) -> S::f32s {
    let (low, high) = (simd.splat_f32s(low), simd.splat_f32s(high));
    let x = simd.select_f32s(simd.less_than_f32s(x, low), low, x);
    simd.select_f32s(simd.greater_than_f32s(x, high), high, x)
}

/// `2^n` for the integer that `rounded`, a sum with [`ROUND`], holds; n in -126..=127.
#[inline(always)]
fn power_of_two<S: Simd>(simd: S, rounded: S::f32s) -> S::f32s {
    let bits = simd.add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127));
    simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23)))
}

/// `(2^n, e^r - 1)` with `x = n ln 2 + r`; x must be within -87.3..=88.
#[inline(always)]
fn split_exponential<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let rounded = simd.mul_add_e_f32s(x, simd.splat_f32s(LOG2_E), simd.splat_f32s(ROUND));
    let n = simd.sub_f32s(rounded, simd.splat_f32s(ROUND));
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    let q = polynomial(simd, r, EXPONENTIAL);
    let minus_one = simd.mul_add_e_f32s(simd.mul_f32s(r, r), q, r);
    (power_of_two(simd, rounded), minus_one)
}

/// `e^x`, within 2 units in the last place; x is held within -87.3..=88.
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (power, minus_one) = split_exponential(simd, clamp(simd, x, -87.3, 88.0));
    simd.mul_add_e_f32s(power, minus_one, power)
}

/// `2^x` for x up to 127, within 2 units in the last place; x below -126 counts as -126.
#[inline(always)]
pub fn exp2<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let low = simd.splat_f32s(-126.0);
    let x = simd.select_f32s(simd.less_than_f32s(x, low), low, x);
    let rounded = simd.add_f32s(x, simd.splat_f32s(ROUND));
    let n = simd.sub_f32s(rounded, simd.splat_f32s(ROUND));
    let r = simd.mul_f32s(simd.sub_f32s(x, n), simd.splat_f32s(std::f32::consts::LN_2));
    let q = polynomial(simd, r, EXPONENTIAL);
    let minus_one = simd.mul_add_e_f32s(simd.mul_f32s(r, r), q, r);
    let power = power_of_two(simd, rounded);
    simd.mul_add_e_f32s(power, minus_one, power)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let opposite = simd.xor_f32s(x, simd.splat_f32s(-0.0));
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, opposite)))
}

/// Hyperbolic tangent: `m / (m + 2)` with `m = e^(2|x|) - 1`, accurate also near zero.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let sign = simd.and_f32s(x, simd.splat_f32s(-0.0));
    let double = simd.xor_f32s(simd.add_f32s(x, x), sign);
    let (power, minus_one) = split_exponential(simd, clamp(simd, double, 0.0, 30.0));
    let m = simd.mul_add_e_f32s(power, minus_one, simd.sub_f32s(power, simd.splat_f32s(1.0)));
    let value = simd.div_f32s(m, simd.add_f32s(m, simd.splat_f32s(2.0)));
    simd.or_f32s(value, sign)
}

/// The standard normal distribution `Phi(x)` and its density, from one exponential and one division.
#[inline(always)]
pub fn normal<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let one = simd.splat_f32s(1.0);
    let sign = simd.and_f32s(x, simd.splat_f32s(-0.0));
    let t = simd.xor_f32s(x, sign);
    let z = simd.div_f32s(one, simd.mul_add_e_f32s(t, simd.splat_f32s(STRETCH), one));
    let half_square = simd.mul_f32s(simd.mul_f32s(t, t), simd.splat_f32s(-0.5));
    let bell = exp(simd, half_square);
    let tail = simd.mul_f32s(simd.mul_f32s(z, bell), polynomial(simd, z, TAIL));
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    let distribution = simd.select_f32s(negative, tail, simd.sub_f32s(one, tail));
    (distribution, simd.mul_f32s(bell, simd.splat_f32s(INVERSE_ROOT_2_PI)))
}

/// `output[i] = function(input[i])`.
#[inline(always)]
pub fn map<S: Simd>(simd: S, input: &[f32], output: &mut [f32], function: impl Fn(S::f32s) -> S::f32s) {
    assert_eq!(input.len(), output.len());
    let (x, x_tail) = S::as_simd_f32s(input);
    let (y, y_tail) = S::as_mut_simd_f32s(output);
    for (x, y) in x.iter().zip(y) {
        *y = function(*x);
    }
    if !x_tail.is_empty() {
        simd.partial_store_f32s(y_tail, function(simd.partial_load_f32s(x_tail)));
    }
}

/// `values[i] = function(values[i])`.
#[inline(always)]
pub fn apply<S: Simd>(simd: S, values: &mut [f32], function: impl Fn(S::f32s) -> S::f32s) {
    let (x, tail) = S::as_mut_simd_f32s(values);
    for x in x {
        *x = function(*x);
    }
    if !tail.is_empty() {
        let value = function(simd.partial_load_f32s(tail));
        simd.partial_store_f32s(tail, value);
    }
}

/// `output[i] = function(left[i], right[i])`.
#[inline(always)]
pub fn zip<S: Simd>(
    simd: S,
    left: &[f32],
    right: &[f32],
    output: &mut [f32],
    function: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    assert!(left.len() == output.len() && right.len() == output.len());
    let (a, a_tail) = S::as_simd_f32s(left);
    let (b, b_tail) = S::as_simd_f32s(right);
    let (y, y_tail) = S::as_mut_simd_f32s(output);
    for ((a, b), y) in a.iter().zip(b).zip(y) {
        *y = function(*a, *b);
    }
    if !y_tail.is_empty() {
        let value = function(simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
        simd.partial_store_f32s(y_tail, value);
    }
}

/// `output[i] = left[i] * right[i] + third[i]`.
#[inline(always)]
pub fn multiply_add<S: Simd>(simd: S, left: &[f32], right: &[f32], third: &[f32], output: &mut [f32]) {
    let count = output.len();
    assert!(left.len() == count && right.len() == count && third.len() == count);
    let (a, a_tail) = S::as_simd_f32s(left);
    let (b, b_tail) = S::as_simd_f32s(right);
    let (c, c_tail) = S::as_simd_f32s(third);
    let (y, y_tail) = S::as_mut_simd_f32s(output);
    for (((a, b), c), y) in a.iter().zip(b).zip(c).zip(y) {
        *y = simd.mul_add_e_f32s(*a, *b, *c);
    }
    if !y_tail.is_empty() {
        let (a, b) = (simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
        let value = simd.mul_add_e_f32s(a, b, simd.partial_load_f32s(c_tail));
        simd.partial_store_f32s(y_tail, value);
    }
}

/// `values[i] = values[i] * factors[i] + terms[i]`.
#[inline(always)]
pub fn scale_and_add<S: Simd>(simd: S, values: &mut [f32], factors: &[f32], terms: &[f32]) {
    assert!(factors.len() == values.len() && terms.len() == values.len());
    let (y, y_tail) = S::as_mut_simd_f32s(values);
    let (a, a_tail) = S::as_simd_f32s(factors);
    let (b, b_tail) = S::as_simd_f32s(terms);
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y = simd.mul_add_e_f32s(*y, *a, *b);
    }
    if !y_tail.is_empty() {
        let (a, b) = (simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
        let value = simd.mul_add_e_f32s(simd.partial_load_f32s(y_tail), a, b);
        simd.partial_store_f32s(y_tail, value);
    }
}

/// `sum[i] += left[i] * right[i]`.
#[inline(always)]
pub fn add_products<S: Simd>(simd: S, sum: &mut [f32], left: &[f32], right: &[f32]) {
    assert!(left.len() == sum.len() && right.len() == sum.len());
    let (y, y_tail) = S::as_mut_simd_f32s(sum);
    let (a, a_tail) = S::as_simd_f32s(left);
    let (b, b_tail) = S::as_simd_f32s(right);
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y = simd.mul_add_e_f32s(*a, *b, *y);
    }
    if !y_tail.is_empty() {
        let (a, b) = (simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
        let value = simd.mul_add_e_f32s(a, b, simd.partial_load_f32s(y_tail));
        simd.partial_store_f32s(y_tail, value);
    }
}

/// `sum[i] = function(sum[i], term[i])`.
#[inline(always)]
pub fn update<S: Simd>(simd: S, sum: &mut [f32], term: &[f32], function: impl Fn(S::f32s, S::f32s) -> S::f32s) {
    assert_eq!(sum.len(), term.len());
    let (y, y_tail) = S::as_mut_simd_f32s(sum);
    let (x, x_tail) = S::as_simd_f32s(term);
    for (y, x) in y.iter_mut().zip(x) {
        *y = function(*y, *x);
    }
    if !x_tail.is_empty() {
        let value = function(simd.partial_load_f32s(y_tail), simd.partial_load_f32s(x_tail));
        simd.partial_store_f32s(y_tail, value);
    }
}

/// Four running sums, so that one addition need not wait for the last; their total has a fixed order.
#[derive(Clone, Copy)]
pub struct Sum<S: Simd> {
    simd: S,
    parts: [S::f32s; 4],
}

impl<S: Simd> Sum<S> {
    /// All four sums at 0.
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        Self {
            simd,
            parts: [simd.splat_f32s(0.0); 4],
        }
    }

    /// Adds a vector to the running sum `place % 4`.
    #[inline(always)]
    pub fn add(&mut self, place: usize, value: S::f32s) {
        self.parts[place % 4] = self.simd.add_f32s(self.parts[place % 4], value);
    }

    /// Adds a product to the running sum `place % 4`.
    #[inline(always)]
    pub fn add_product(&mut self, place: usize, left: S::f32s, right: S::f32s) {
        self.parts[place % 4] = self.simd.mul_add_e_f32s(left, right, self.parts[place % 4]);
    }

    /// The sum over all lanes.
    #[inline(always)]
    pub fn total(self) -> f32 {
        let [a, b, c, d] = self.parts;
        let simd = self.simd;
        simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
    }
}

/// The sum of products of two slices of one length.
#[inline(always)]
pub fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    let (a, a_tail) = S::as_simd_f32s(left);
    let (b, b_tail) = S::as_simd_f32s(right);
    let mut sum = Sum::new(simd);
    let (a4, a_rest) = a.as_chunks::<4>();
    let (b4, b_rest) = b.as_chunks::<4>();
    for (a, b) in a4.iter().zip(b4) {
        for place in 0..4 {
            sum.add_product(place, a[place], b[place]);
        }
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum.add_product(0, *a, *b);
    }
    sum.add_product(1, simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
    sum.total()
}

/// The largest value of a slice; negative infinity for an empty one.
#[inline(always)]
pub fn largest<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (x, tail) = S::as_simd_f32s(values);
    let mut parts = [simd.splat_f32s(f32::NEG_INFINITY); 4];
    let (x4, rest) = x.as_chunks::<4>();
    for x in x4 {
        for place in 0..4 {
            parts[place] = simd.max_f32s(parts[place], x[place]);
        }
    }
    for x in rest {
        parts[0] = simd.max_f32s(parts[0], *x);
    }
    let [a, b, c, d] = parts;
    let most = simd.reduce_max_f32s(simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d)));
    tail.iter()
        .fold(most, |most, &value| if value > most { value } else { most })
}

macro_rules! in_place {
    ($(#[$doc:meta])* $name:ident, $function:ident) => {
        $(#[$doc])*
        pub fn $name(values: &mut [f32]) {
            struct Kernel<'a>(&'a mut [f32]);
            impl WithSimd for Kernel<'_> {
                type Output = ();
                #[inline(always)]
                fn with_simd<S: Simd>(self, simd: S) {
                    apply(simd, self.0, #[inline(always)] |x| $function(simd, x));
                }
            }
            dispatch(Kernel(values));
        }
    };
}

in_place! {
    /// [`exp`] of each value, on this thread.
    exp_in_place, exp
}
in_place! {
    /// [`sigmoid`] of each value, on this thread.
    sigmoid_in_place, sigmoid
}
in_place! {
    /// [`tanh`] of each value, on this thread.
    tanh_in_place, tanh
}

#[cfg(test)]
mod tests;
