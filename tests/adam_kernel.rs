//! The fused Adam and AdamW against Burn's own, bit for bit.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, AdamWConfig, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use icdbench::kernels::adam::{Parameter, Rule, step};

const COUNT: usize = 1_003;
const STEPS: usize = 5;
const RATE: f64 = 3e-4;

fn numbers(seed: usize) -> Vec<f32> {
    let spread = |index: usize| ((seed * COUNT + index) as f64 * 0.618_033_988_749_894_9).fract() as f32 - 0.5;
    (0..COUNT).map(spread).collect()
}

fn fused(rule: &Rule) -> Vec<f32> {
    let (mut value, mut first, mut second) = (numbers(0), vec![0.0; COUNT], vec![0.0; COUNT]);
    for time in 1..=STEPS {
        let parameter = Parameter {
            value: &mut value,
            first: &mut first,
            second: &mut second,
        };
        step(rule, RATE, time, 1.0, parameter, &numbers(time));
    }
    value
}

fn burns<O: Optimizer>(rule: &O) -> Vec<f32> {
    let device = Device::flex();
    let tensor = |values: Vec<f32>| Tensor::<1>::from_data(TensorData::new(values, [COUNT]), &device);
    let (mut value, mut state) = (tensor(numbers(0)), None);
    for time in 1..=STEPS {
        (value, state) = rule.step(RATE, value, tensor(numbers(time)), state);
    }
    value.into_data().try_to_vec().expect("f32 values")
}

#[test]
fn adamw_is_burns() {
    for weight_decay in [0.0, 0.01] {
        let rule = Rule {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay,
            decoupled: true,
        };
        let config = AdamWConfig::new()
            .with_beta_1(0.9)
            .with_beta_2(0.999)
            .with_epsilon(1e-8);
        assert_eq!(fused(&rule), burns(&config.with_weight_decay(weight_decay).build()));
    }
}

#[test]
fn adam_is_burns() {
    let rule = Rule {
        betas: [0.9, 0.98],
        epsilon: 1e-6,
        weight_decay: 0.1,
        decoupled: false,
    };
    let config = AdamConfig::new().with_beta_1(0.9).with_beta_2(0.98).with_epsilon(1e-6);
    let config = config.with_weight_decay(Some(WeightDecayConfig::new(0.1)));
    assert_eq!(fused(&rule), burns(&config.build()));
}
