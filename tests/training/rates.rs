//! Rates of an encoder's own: what each parameter moves in a step. Adam's first step is as long as the rate whatever
//! the gradient, against its sign, so the rate can be read off.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use icdbench::models::Model;

use super::*;

const RATE: f64 = 0.02;
const ENCODER: EncoderRates = EncoderRates {
    learning_rate: 0.008,
    layer_decay: 0.25,
};

/// The rate of a parameter of a model whose encoder has two layers.
fn expected_rate(path: &str) -> f32 {
    let rates = [
        ("encoder.embeddings.", 0.0005),
        ("encoder.layers.0.", 0.002),
        ("encoder.layers.1.", 0.008),
        ("label_attention.", 0.02),
    ];
    let found = rates.iter().find(|(start, _)| path.starts_with(start));
    found.unwrap_or_else(|| panic!("{path} is in no group")).1
}

fn adam() -> Optimiser {
    Optimiser::Adam(Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-12,
        weight_decay: 0.0,
        decay: Decay::All,
    })
}

/// A tiny LongBERT whose parameters are all away from 0.
fn drawn_model() -> Model {
    let model = model("long_bert").init(&world().task, &mut Initialiser::new(1, &Device::flex().autodiff()));
    let mut values = parameters::read(&model);
    let mut drawn = Initialiser::new(2, &Device::flex())
        .normal_values(100_000, 0.3)
        .into_iter();
    for parameter in values.values_mut() {
        parameter
            .values
            .iter_mut()
            .for_each(|value| *value += drawn.next().unwrap());
    }
    parameters::write(model, values).unwrap()
}

/// The model's gradients for a batch: by path, and as an optimiser takes them.
fn gradients(model: &Model) -> (Parameters, GradientsParams) {
    struct Copy(GradientsParams, std::collections::BTreeMap<u64, String>, Parameters);
    impl ModuleVisitor for Copy {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(parameter.id).expect("a gradient");
            let shape = gradient.dims().to_vec();
            let values = parameters::host(gradient);
            let path = self.1[&parameter.id.val()].clone();
            self.2.insert(path, parameters::Values { shape, values });
        }
    }
    let device = Device::flex().autodiff();
    let tokens: Vec<i32> = (0..31).map(|i| 2 + i * 3 % 7).collect();
    let batch = Batch::new([&tokens[..20], &tokens[20..]], 0, &device);
    let targets = Tensor::from_data(
        TensorData::new(vec![1f32, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0], [2, 4]),
        &device,
    );
    let (_, found) = model.gradients(&batch, targets);
    let mut copy = Copy(found, parameters::paths(model), Parameters::new());
    model.visit(&mut copy);
    (copy.2, copy.0)
}

/// How far each parameter moves in one step, and its gradient.
fn moved(rates: Option<EncoderRates>) -> Vec<(String, Vec<(f32, f32)>)> {
    let model = drawn_model();
    let before = parameters::read(&model);
    let (by_path, found) = gradients(&model);
    let mut stepper = Stepper::new(&adam(), 0.0).unwrap();
    if let Some(rates) = rates {
        stepper = stepper.with_encoder_rates(&rates, RATE, &model);
    }
    let after = parameters::read(&stepper.step(RATE, model, found));
    let of = |(path, before): (String, parameters::Values)| {
        let movements = after[&path].values.iter().zip(before.values).map(|(a, b)| a - b);
        let pairs = movements.zip(by_path[&path].values.iter().copied());
        let pairs = pairs.collect();
        (path, pairs)
    };
    before.into_iter().map(of).collect()
}

#[test]
fn each_parameter_moves_by_the_rate_of_its_layer_against_its_gradient() {
    for (path, elements) in moved(Some(ENCODER)) {
        let rate = expected_rate(&path);
        let mut seen = 0;
        for (moved, gradient) in elements {
            if gradient == 0.0 {
                assert_eq!(moved, 0.0, "{path}: no gradient");
            } else if gradient.abs() > 1e-6 {
                let expected = -rate * gradient.signum();
                assert!(
                    (moved - expected).abs() <= 2e-3 * rate,
                    "{path}: {moved} against {expected}"
                );
                seen += 1;
            }
        }
        assert!(seen > 0, "{path} has no gradient to speak of");
    }
}

#[test]
fn without_rates_of_its_own_the_encoder_moves_as_the_head() {
    for (path, elements) in moved(None) {
        let largest = elements
            .iter()
            .fold(0f32, |largest, (moved, _)| largest.max(moved.abs()));
        assert!((largest - 0.02).abs() < 1e-4, "{path}: {largest}");
    }
}

#[test]
fn training_takes_the_rates_from_the_recipe() {
    let recipe = Recipe {
        epochs: 1,
        batch_size: 24, // all notes: one step
        optimiser: adam(),
        learning_rate: RATE,
        encoder: Some(ENCODER),
        ..recipe()
    };
    let config = model("long_bert");
    let drawn = config.init(&world().task, &mut Initialiser::new(3, &Device::flex())); // 3: the seed of `sitting`
    let (trained, watch) = run(&config, &recipe);
    assert_eq!(watch.steps.borrow().len(), 1);
    let trained = weights(&trained.unwrap());
    for (path, before) in parameters::read(&drawn) {
        let moved = trained[&path]
            .values
            .iter()
            .zip(before.values)
            .map(|(a, b)| (a - b).abs());
        let (largest, rate) = (moved.fold(0.0, f32::max), expected_rate(&path));
        assert!((largest / rate - 1.0).abs() < 1e-2, "{path}: {largest} against {rate}");
    }
}
