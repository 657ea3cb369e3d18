//! Several replicas: what they compute together, on the CPU with the collective of this process.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use icdbench::models::ModelConfig;
use icdbench::models::evidence::{Evidence, EvidenceNote};
use icdbench::train::{Moments, Optimiser, Recipe};
use serde_json::Value;

use super::{Trained, Watch, encoder_rates, lbfgs, model, recipe, run, sitting_on, weights, world};

/// The model without any dropout, so that it computes the same whoever draws the noise.
fn without_dropout(name: &str) -> ModelConfig {
    fn remove(settings: &mut Value) {
        for (key, value) in settings.as_object_mut().into_iter().flatten() {
            match value {
                Value::Number(_) if key.ends_with("dropout") => *value = 0.0.into(),
                other => remove(other),
            }
        }
    }
    let mut settings = serde_json::to_value(model(name)).unwrap();
    remove(&mut settings);
    serde_json::from_value(settings).unwrap()
}

/// Adam with so great an epsilon that a step is nearly as large as its gradient: what rounds otherwise moves no weight far.
fn even(learning_rate: f64, clip_norm: f64) -> Recipe {
    let Optimiser::Adam(moments) = recipe().optimiser else {
        unreachable!("it is adam")
    };
    Recipe {
        optimiser: Optimiser::Adam(Moments {
            epsilon: 1.0,
            ..moments
        }),
        learning_rate,
        clip_norm,
        ..recipe()
    }
}

fn trained(model: &ModelConfig, recipe: &Recipe) -> Trained {
    *run(model, recipe).0.unwrap()
}

fn farthest(first: &Trained, second: &Trained) -> f32 {
    let (first, second) = (weights(first), weights(second));
    assert!(first.keys().eq(second.keys()));
    let pairs = first.values().zip(second.values());
    pairs
        .flat_map(|(first, second)| first.values.iter().zip(&second.values))
        .map(|(first, second)| (first - second).abs())
        .fold(0.0, f32::max)
}

#[test]
fn together_they_take_the_steps_of_one_device_over_all_notes() {
    for name in ["logistic_regression", "caml", "long_bert", "bigru_attention"] {
        let model = without_dropout(name);
        // 24 notes: batches of 10, 10 and 4, where the last of five replicas has no note of the third.
        for (accumulate, replicas) in [(1, 2), (2, 5), (1, 5), (1, 10)] {
            let alone = Recipe {
                batch_size: 10,
                accumulate,
                epochs: 2,
                ..even(0.5, 0.5)
            };
            let one = trained(&model, &alone);
            let together = trained(
                &model,
                &Recipe {
                    replicas,
                    ..alone.clone()
                },
            );
            let what = format!("{name}, {replicas} replicas, accumulate {accumulate}");
            let still = trained(
                &model,
                &Recipe {
                    learning_rate: 1e-9,
                    ..alone
                },
            );
            assert!(farthest(&one, &still) > 1e-3, "{what}: nothing was learned");
            assert!(
                farthest(&one, &together) < 2e-6,
                "{what}: {}",
                farthest(&one, &together)
            );
            for (one, together) in one.facts.epochs.iter().zip(&together.facts.epochs) {
                assert_eq!(one.steps, together.steps, "{what}");
                assert!((one.training_loss - together.training_loss).abs() < 1e-6, "{what}");
            }
        }
    }
}

#[test]
fn the_same_number_of_them_gives_the_same_bytes_and_each_share_has_noise_of_its_own() {
    for (name, encoder) in [("caml", None), ("long_bert", encoder_rates()), ("multi_res_cnn", None)] {
        let of = |replicas| {
            let recipe = Recipe {
                accumulate: 2,
                learning_rate: 0.01,
                clip_norm: 1.0,
                epochs: 3,
                replicas,
                encoder,
                ..recipe()
            };
            weights(&trained(&model(name), &recipe))
        };
        let (alone, two, three) = (of(1), of(2), of(3));
        assert!(two == of(2) && three == of(3), "{name}");
        assert!(two != alone && two != three, "{name}: the noise is not that of shares");
    }
}

#[test]
fn a_replica_that_falls_ends_the_training_with_its_own_words() {
    let mut world = world();
    let last = world.gold.len() - 1;
    // Marks of all notes but one: whoever reads that one falls.
    let notes = vec![EvidenceNote::default(); last];
    world.task.evidence = Some(Arc::new(Evidence { notes }));
    for replicas in [1, 2, 3, 24] {
        let recipe = Recipe {
            batch_size: 24,
            replicas,
            ..recipe()
        };
        let directory = tempfile::tempdir().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            sitting_on(&world, &model("caml"), &recipe, (directory.path(), &Watch::default())).map(|_| ())
        }));
        let panic = panic.expect_err("it falls");
        let words = panic.downcast_ref::<String>().unwrap();
        assert!(words.contains("index out of bounds"), "{replicas} replicas: {words}");
    }
}

#[test]
fn what_several_devices_cannot_share_is_refused() {
    let refused = |recipe: Recipe| recipe.check(|_| true).unwrap_err();
    let (place, problem) = refused(Recipe {
        replicas: 4,
        ..recipe()
    });
    assert_eq!(place, "replicas");
    assert!(
        problem.starts_with("4: expected a divisor of batch-size, 6"),
        "{problem}"
    );
    let (place, _) = refused(Recipe {
        replicas: 0,
        ..recipe()
    });
    assert_eq!(place, "replicas");
    let (place, problem) = refused(Recipe {
        replicas: 2,
        accumulate: 2049,
        ..recipe()
    });
    assert_eq!(place, "accumulate");
    assert_eq!(problem, "2049: expected at most 2048 with 2 replicas");
    let line_search = Recipe {
        bucket: 1,
        optimiser: lbfgs(5, 30),
        replicas: 2,
        ..recipe()
    };
    let (place, problem) = refused(line_search);
    assert_eq!(place, "replicas");
    assert!(problem.contains("only adam and adamw"), "{problem}");
}

#[test]
fn one_device_is_written_as_before_and_several_are_part_of_what_was_asked() {
    let written = |replicas| serde_json::to_value(Recipe { replicas, ..recipe() }).unwrap();
    assert!(
        written(1).get("replicas").is_none(),
        "keys of older records would change"
    );
    assert_eq!(written(2)["replicas"], 2);
    let read: Recipe = serde_json::from_value(written(1)).unwrap();
    assert_eq!(read, recipe());
}
