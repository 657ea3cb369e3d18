//! Sigmoid and tanh of a vector, to a few units in the last place of f32.

use pulp::Simd;

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let exp = exp(simd, simd.neg_f32s(x));
    simd.div_f32s(one, simd.add_f32s(one, exp))
}

/// The hyperbolic tangent: `1 - 2 / (1 + exp(2 |x|))` with the sign of x, and a polynomial near 0
/// (the coefficients of Cephes' tanhf), where that difference would lose digits.
#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let number = |value| simd.splat_f32s(value);
    let sign = number(-0.0);
    let size = simd.abs_f32s(x);
    let exp = exp(simd, simd.add_f32s(size, size));
    let far = simd.sub_f32s(number(1.0), simd.div_f32s(number(2.0), simd.add_f32s(number(1.0), exp)));
    let far = simd.or_f32s(far, simd.and_f32s(sign, x));
    let square = simd.mul_f32s(x, x);
    let mut sum = number(-5.704_988_7e-3);
    for coefficient in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        sum = simd.mul_add_e_f32s(sum, square, number(coefficient));
    }
    let near = simd.mul_add_e_f32s(simd.mul_f32s(sum, square), x, x);
    simd.select_f32s(simd.less_than_f32s(size, number(0.625)), near, far)
}

/// `exp(x)` for x cut to `[-87, 87]`, beyond which no gate changes: `2^n exp(r)` with
/// `|r| <= ln(2) / 2` and a polynomial (the coefficients of Cephes' expf). NaN stays NaN.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Adding it leaves the nearest integer in the low bits of the mantissa.
    const ROUNDER: f32 = 12_582_912.0;
    let number = |value| simd.splat_f32s(value);
    let inside = simd.min_f32s(number(87.0), simd.max_f32s(number(-87.0), x));
    let rounded = simd.mul_add_e_f32s(inside, number(std::f32::consts::LOG2_E), number(ROUNDER));
    let n = simd.sub_f32s(rounded, number(ROUNDER));
    // ln(2) in two parts: the first has few bits, so that n times it is exact.
    let r = simd.mul_add_e_f32s(n, number(-0.693_359_4), inside);
    let r = simd.mul_add_e_f32s(n, number(2.121_944_4e-4), r);
    let mut sum = number(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = simd.mul_add_e_f32s(sum, r, number(coefficient));
    }
    let sum = simd.add_f32s(simd.mul_add_e_f32s(sum, simd.mul_f32s(r, r), r), number(1.0));
    let biased = simd.add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127));
    let power = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(biased, simd.splat_u32s(23)));
    simd.mul_f32s(sum, power)
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Map<'a>(&'a [f32], bool);

    impl WithSimd for Map<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let of = |&x: &f32| {
                let x = simd.splat_f32s(x);
                let y = if self.1 { tanh(simd, x) } else { sigmoid(simd, x) };
                simd.reduce_max_f32s(y)
            };
            self.0.iter().map(of).collect()
        }
    }

    fn inputs() -> Vec<f32> {
        let line = (-4000..=4000).map(|i| i as f32 / 160.0);
        let small = (-30..0).flat_map(|e| [10f32.powi(e), -(10f32.powi(e))]);
        line.chain(small).chain([-1e9, 1e9, f32::MAX, f32::MIN]).collect()
    }

    #[test]
    fn gates_agree_with_f64_in_all_but_the_last_digits() {
        let x = inputs();
        for (found, x) in Arch::new().dispatch(Map(&x, true)).iter().zip(&x) {
            let expected = f64::from(*x).tanh();
            assert!(
                (f64::from(*found) - expected).abs() <= 4e-7 * expected.abs(),
                "tanh({x}) = {found}"
            );
        }
        for (found, x) in Arch::new().dispatch(Map(&x, false)).iter().zip(&x) {
            let expected = 1.0 / (1.0 + (-f64::from(*x)).exp());
            assert!(
                (f64::from(*found) - expected).abs() <= 4e-7 * expected + 1e-37,
                "sigmoid({x}) = {found}"
            );
        }
    }

    #[test]
    fn a_diverged_network_stays_visible() {
        let found = Arch::new().dispatch(SumNan);
        assert!(found.iter().all(|value| value.is_nan()), "{found:?}");
    }

    struct SumNan;

    impl WithSimd for SumNan {
        type Output = [f32; 2];

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
            let nan = simd.splat_f32s(f32::NAN);
            [sigmoid(simd, nan), tanh(simd, nan)].map(|gate| simd.reduce_sum_f32s(gate))
        }
    }
}
