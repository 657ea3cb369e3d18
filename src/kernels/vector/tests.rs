use super::*;

/// Values from -20 to 20 and near zero, an odd number of them.
fn inputs() -> Vec<f32> {
    let wide = (0..40_001).map(|index| -20.0 + index as f32 * 1e-3);
    let narrow = (0..1_000).map(|index| (index as f32 - 500.0) * 1e-6);
    wide.chain(narrow).collect()
}

fn worst(apply: impl Fn(&mut [f32]), exact: fn(f64) -> f64) -> f64 {
    let inputs = inputs();
    let mut values = inputs.clone();
    apply(&mut values);
    let error = |(x, y): (&f32, &f32)| {
        let wanted = exact(f64::from(*x));
        ((f64::from(*y) - wanted) / wanted.abs().max(1e-30)).abs()
    };
    inputs.iter().zip(&values).map(error).fold(0.0, f64::max)
}

#[test]
fn functions_are_accurate_to_a_few_units_in_the_last_place() {
    assert!(worst(exp_in_place, f64::exp) < 1.5e-7);
    assert!(worst(sigmoid_in_place, |x| 1.0 / (1.0 + (-x).exp())) < 3e-7);
    assert!(worst(tanh_in_place, f64::tanh) < 4e-7);
}

#[test]
fn extremes_stay_finite_and_not_a_number_stays() {
    for apply in [exp_in_place, sigmoid_in_place, tanh_in_place] {
        let mut values = [f32::NAN, 1e30, -1e30, f32::INFINITY, f32::NEG_INFINITY];
        apply(&mut values);
        assert!(values[0].is_nan());
        assert!(values[1..].iter().all(|value| value.is_finite()), "{values:?}");
    }
    let mut values = [-200.0];
    exp_in_place(&mut values);
    assert!(values[0] < 1.3e-38);
    let mut values = [f32::INFINITY, f32::NEG_INFINITY];
    tanh_in_place(&mut values);
    assert_eq!(values, [1.0, -1.0]);
}

#[test]
fn a_processor_without_vectors_gets_the_same_functions() {
    let simd = pulp::Scalar::new();
    assert!(worst(|values| apply(simd, values, |x| exp(simd, x)), f64::exp) < 2.5e-7);
    assert!(worst(|values| apply(simd, values, |x| tanh(simd, x)), f64::tanh) < 5e-7);
    let power = |values: &mut [f32]| apply(simd, values, |x| exp2(simd, x));
    assert!(worst(power, f64::exp2) < 3e-7);
    assert!(exp(simd, f32::NAN).is_nan());
    let (distribution, density) = normal(simd, -1.0);
    assert!((distribution - 0.158_655_25).abs() < 1e-7 && (density - 0.241_970_72).abs() < 1e-7);
}

#[test]
fn sums_and_maxima_of_odd_lengths() {
    struct Both<'a>(&'a [f32]);
    impl WithSimd for Both<'_> {
        type Output = (f32, f32);
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> (f32, f32) {
            (dot(simd, self.0, self.0), largest(simd, self.0))
        }
    }
    for count in [1usize, 15, 16, 17, 63, 64, 65, 200] {
        let values: Vec<f32> = (1..=count).map(|value| -(value as f32)).collect();
        let squares = (count * (count + 1) * (2 * count + 1) / 6) as f32;
        assert_eq!(dispatch(Both(&values)), (squares, -1.0));
    }
}
