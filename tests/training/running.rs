//! Running values: what moves them, and how far.

use burn::tensor::Device;
use icdbench::models::dropout::Noise;
use icdbench::models::parameters::{self, Parameters};
use icdbench::models::{Initialiser, Model};
use icdbench::train::{Learner, MeanGradients, Part, Stepper, targets};

use super::{model, reading, recipe, world};

#[test]
fn running_moments_follow_each_batch_of_training_and_no_other_pass() {
    let device = Device::flex().autodiff();
    let world = world();
    let model = model("multi_res_cnn").init(&world.task, &mut Initialiser::new(1, &device));
    let running = |model: &Model| -> Parameters {
        let all = parameters::read(model).into_iter();
        all.filter(|(path, _)| path.contains(".running_")).collect()
    };
    let start = running(&model);
    assert!(start.len() >= 4, "{:?}", start.keys());
    let notes: Vec<usize> = (0..6).collect();
    let part = |notes: &[usize], noise: Option<Noise>| {
        let batch = reading(&recipe()).batch(&world.tokens, notes, &device);
        Part {
            batch: match noise {
                Some(noise) => batch.with_noise(noise),
                None => batch,
            },
            targets: targets(&world.gold, notes, 4, &device),
        }
    };
    let stepper = Stepper::new(&recipe().optimiser, 0.0).unwrap();
    let mut learner = Learner::new(model, stepper);
    // Of validation and of line searches: a pass without noise.
    learner.step(0.0, 6, [part(&notes, None)].into_iter());
    assert!(running(learner.model()) == start);
    // A pass whose step is not made.
    let found = learner.gradients(6, [part(&notes, Some(Noise::new(1, 1)))].into_iter());
    assert_eq!(found.seen.len(), start.len());
    assert!(running(learner.model()) == start);
    let without_a_number = MeanGradients {
        loss: f64::NAN,
        ..found
    };
    learner.apply(0.0, without_a_number);
    assert!(running(learner.model()) == start);
    // Two batches of a step, of which each moves a tenth of the way; the rate of 0 moves nothing else.
    let batches = || [(0, &notes[..4]), (1, &notes[4..])];
    let parts = || batches().map(|(micro, notes)| part(notes, Some(Noise::new(1, micro))));
    let seen = learner.gradients(6, parts().into_iter()).seen;
    learner.step(0.0, 6, parts().into_iter());
    let paths = parameters::paths(learner.model());
    for (path, after) in running(learner.model()) {
        let steps = seen.iter().filter(|seen| paths[&seen.id.val()] == path);
        let steps: Vec<Vec<f32>> = steps.map(|seen| parameters::host(seen.value.clone())).collect();
        assert_eq!(steps.len(), 2, "{path}");
        for (at, value) in after.values.iter().enumerate() {
            let follow = |value: f32, step: &Vec<f32>| 0.9 * value + 0.1 * step[at];
            let expected = steps.iter().fold(start[&path].values[at], follow);
            assert!(
                (value - expected).abs() <= 1e-6 * (1.0 + expected.abs()),
                "{path}: {value}, {expected}"
            );
        }
    }
}
