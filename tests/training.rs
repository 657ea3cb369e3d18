//! The training loop: accumulation, selection, early stopping, L-BFGS, and what it refuses.

#[path = "common/fit.rs"]
mod fit;
#[path = "training/rates.rs"]
mod rates;
#[path = "training/replicas.rs"]
mod replicas;
#[path = "training/running.rs"]
mod running;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use burn::tensor::{Device, Tensor, TensorData};
use icdbench::metrics::{Objective, ThresholdGrid, TieOrder};
use icdbench::models::coding_model::ordered_sum;
use icdbench::models::parameters::{self, Parameters};
use icdbench::models::{Batch, Initialiser, ModelConfig, Precision, Task};
use icdbench::record::EpochRow;
use icdbench::record::Unfinished;
use icdbench::text::{Normalisation, TextSettings, TokenStore, TokenizerSettings};
use icdbench::train::{
    Budget, Collective, Decay, EncoderRates, End, Error, EvaluationSettings, Examples, Fit, Lbfgs, Moments, Observer,
    Optimiser, Others, Reading, Recipe, Schedule, Select, Selection, StepReport, Stepper, ThresholdRule, Trained,
    probabilities, train,
};

/// 24 notes over four words; a note has code `k` when it says word `k`, but for noise that cannot be learned.
struct World {
    tokens: TokenStore,
    gold: Vec<Vec<u32>>,
    task: Task,
}

fn world() -> World {
    let words = ["fever", "cough", "rash", "pain"];
    let texts: Vec<String> = (0..24usize)
        .map(|note| {
            let said: Vec<&str> = (0..4)
                .filter(|word| (note >> word) & 1 == 1)
                .map(|word| words[word])
                .collect();
            format!("patient {} seen {}", "calm ".repeat(note % 5), said.join(" and "))
        })
        .collect();
    let gold = (0..24u32)
        .map(|note| {
            (0..4)
                .filter(|&code| (note >> code) & 1 == 1 && (note + code) % 7 != 3)
                .collect()
        })
        .collect();
    let settings = TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 1,
            max_size: None,
        },
    };
    let tokenizer = fit::fit(&settings, &texts).unwrap();
    let task = Task {
        codes: 4,
        vocabulary: tokenizer.size(),
        training_notes: 24,
        code_frequency: vec![10, 10, 10, 6],
        document_frequency: tokenizer.document_frequency().map(<[u32]>::to_vec),
        descriptions: vec![vec![2]; 4],
        ..Task::default()
    };
    World {
        tokens: TokenStore::encode(&tokenizer, &texts, &mut |_, _| {}),
        gold,
        task,
    }
}

fn recipe() -> Recipe {
    Recipe {
        budget: None,
        epochs: 4,
        batch_size: 6,
        accumulate: 1,
        replicas: 1,
        bucket: 2,
        optimiser: Optimiser::Adam(Moments {
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            weight_decay: 0.0,
            decay: Decay::All,
        }),
        learning_rate: 0.05,
        encoder: None,
        schedule: Schedule::Constant,
        clip_norm: 0.0,
        select: Select::Last,
    }
}

/// Slower than the head, and slower layer by layer.
fn encoder_rates() -> Option<EncoderRates> {
    Some(EncoderRates {
        learning_rate: 0.005,
        layer_decay: 0.5,
    })
}

fn lbfgs(history: usize, iterations: usize) -> Optimiser {
    Optimiser::Lbfgs(Lbfgs {
        history,
        iterations,
        gradient_tolerance: 1e-7,
        change_tolerance: 1e-9,
    })
}

fn weights(trained: &Trained) -> Parameters {
    parameters::read(&trained.model)
}

fn model(name: &str) -> ModelConfig {
    let mut all = ModelConfig::tiny().into_iter();
    all.find(|config| config.name() == name).unwrap()
}

fn evaluation() -> EvaluationSettings {
    EvaluationSettings {
        at_k: vec![2],
        ties: TieOrder::HigherIndexFirst,
        threshold: ThresholdRule::Tuned {
            objective: Objective::MicroF1,
            grid: ThresholdGrid::EDIN,
        },
    }
}

#[derive(Default)]
struct Watch {
    steps: RefCell<Vec<StepReport>>,
    rows: RefCell<Vec<EpochRow>>,
}

impl Observer for Watch {
    fn stepped(&self, step: &StepReport) {
        self.steps.borrow_mut().push(*step);
    }
    fn epoch(&self, row: &EpochRow, _epochs: u32) {
        self.rows.borrow_mut().push(row.clone());
    }
}

fn run(model: &ModelConfig, recipe: &Recipe) -> (Result<Box<Trained>, Error>, Watch) {
    let directory = tempfile::tempdir().unwrap();
    let watch = Watch::default();
    let end = sitting(model, recipe, directory.path(), &watch).map(|end| match end {
        End::Finished(trained) => trained,
        End::Interrupted => panic!("nobody asked to stop"),
    });
    (end, watch)
}

/// One call of `train`, with its checkpoints in `directory`.
fn sitting(model: &ModelConfig, recipe: &Recipe, directory: &Path, observer: &dyn Observer) -> Result<End, Error> {
    sitting_on(&world(), model, recipe, (directory, observer))
}

fn sitting_on(
    world: &World,
    model: &ModelConfig,
    recipe: &Recipe,
    (directory, observer): (&Path, &dyn Observer),
) -> Result<End, Error> {
    let examples = Examples {
        tokens: &world.tokens,
        gold: &world.gold,
    };
    let fit = Fit {
        model,
        task: &world.task,
        recipe,
        selection: &Selection::of(&evaluation(), &recipe.select),
        training: examples,
        validation: examples,
        reading: reading(recipe),
        seed: 3,
        device: &Device::flex(),
        others: &Others {
            devices: vec![Device::flex(); recipe.replicas - 1],
            collective: Collective::InProcess,
        },
        directory,
        best: &directory.join("best.safetensors"),
        checkpoint_every: Duration::from_secs(3600),
    };
    train(&fit, observer)
}

/// Asks to stop the `n`-th time it is asked.
struct StopAt {
    n: usize,
    asked: Cell<usize>,
}

impl Observer for StopAt {
    fn interrupted(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.asked.get() == self.n
    }
}

#[test]
fn stopped_at_any_moment_and_started_again_it_ends_in_the_same_bytes() {
    let adamw = Optimiser::AdamW(Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay: Decay::Matrices,
    });
    let best = Select::Best {
        metric: "map".into(),
        patience: 2,
    };
    let cases = [
        (
            "caml",
            Recipe {
                accumulate: 2,
                ..recipe()
            },
        ),
        (
            "long_bert", // dropout inside the fused operators, an encoder with rates of its own
            Recipe {
                epochs: 3,
                accumulate: 2,
                learning_rate: 0.01,
                encoder: encoder_rates(),
                clip_norm: 1.0,
                ..recipe()
            },
        ),
        (
            "caml",
            Recipe {
                optimiser: adamw,
                clip_norm: 0.1,
                select: best,
                ..recipe()
            },
        ),
        (
            "multi_res_cnn", // running moments, that go with the weights
            Recipe {
                epochs: 3,
                accumulate: 2,
                select: Select::Best {
                    metric: "map".into(),
                    patience: 2,
                },
                ..recipe()
            },
        ),
        (
            "logistic_regression",
            Recipe {
                schedule: Schedule::Linear { warmup: 0.3 },
                ..recipe()
            },
        ),
        (
            "caml", // a budget that ends in the middle of the third epoch
            Recipe {
                budget: Some(Budget::Notes(61)),
                schedule: Schedule::Linear { warmup: 0.2 },
                ..recipe()
            },
        ),
        (
            "long_bert", // two replicas, of which the second begins anew from the first one's checkpoint
            Recipe {
                epochs: 2,
                replicas: 2,
                learning_rate: 0.01,
                encoder: encoder_rates(),
                clip_norm: 1.0,
                ..recipe()
            },
        ),
        (
            "logistic_regression",
            Recipe {
                epochs: 3,
                bucket: 1,
                optimiser: lbfgs(5, 30),
                learning_rate: 1.0,
                encoder: None,
                ..recipe()
            },
        ),
    ];
    for (name, recipe) in cases {
        let model = model(name);
        let undisturbed = run(&model, &recipe).0.unwrap();
        let mut moments = 0;
        for n in 1.. {
            let directory = tempfile::tempdir().unwrap();
            let stop = StopAt { n, asked: Cell::new(0) };
            let first = sitting(&model, &recipe, directory.path(), &stop).unwrap();
            if let End::Finished(_) = first {
                break; // it asks fewer times than n
            }
            moments += 1;
            let End::Finished(second) = sitting(&model, &recipe, directory.path(), &Watch::default()).unwrap() else {
                panic!("nobody asked to stop");
            };
            let what = format!("{name}, stopped at {n}");
            assert!(weights(&second) == weights(&undisturbed), "{what}: other weights");
            let (second, undisturbed) = (&second.facts, &undisturbed.facts);
            assert_eq!(second.epochs, undisturbed.epochs, "{what}");
            assert_eq!(second.threshold, undisturbed.threshold, "{what}");
            assert_eq!(
                (second.best_epoch, &second.stopped),
                (undisturbed.best_epoch, &undisturbed.stopped),
                "{what}"
            );
            assert_eq!(second.effort.sittings, 2, "{what}");
        }
        assert!(moments >= 10, "{name}: {moments} moments");
    }
}

#[test]
fn a_step_does_not_depend_on_the_number_of_threads_at_sizes_where_threads_are_used() {
    const WORDS: usize = 3000;
    const CODES: usize = 1500; // 4.5 million weights: Burn adds up more than 4 million with all threads
    let step = || {
        let device = Device::flex().autodiff();
        let task = Task {
            codes: CODES,
            vocabulary: WORDS,
            training_notes: 64,
            code_frequency: vec![3; CODES],
            count_scale: vec![0.5; WORDS],
            ..Task::default()
        };
        let model = model("logistic_regression").init(&task, &mut Initialiser::new(1, &device));
        let tokens: Vec<i32> = (0..64 * 200).map(|i| 1 + (i * 7919 % (WORDS as i32 - 1))).collect();
        let batch = Batch::new(tokens.chunks(200), 0, &device);
        let gold = (0..64 * CODES).map(|i| f32::from(i % 97 == 0)).collect::<Vec<_>>();
        let gold = Tensor::<2>::from_data(TensorData::new(gold, [64, CODES]), &device);
        let (loss, gradients) = model.gradients(&batch, gold);
        let model = Stepper::new(&recipe().optimiser, 0.001)
            .unwrap()
            .step(0.1, model, gradients);
        (parameters::host(loss), parameters::read(&model))
    };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(step)
    };
    let one = on(1);
    let numbers = Initialiser::new(1, &Device::flex()).normal_values(2100 * 2100, 1.0);
    let sum = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let tensor = Tensor::<2>::from_data(TensorData::new(numbers.clone(), [2100, 2100]), &Device::flex());
        pool.install(|| parameters::host(ordered_sum(tensor))[0].to_bits())
    };
    let sums: Vec<u32> = (1..=8).map(sum).collect();
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{sums:?}");
    for threads in [2, 3] {
        assert!(on(threads) == one, "{threads} threads give other bytes");
    }
}

fn reading(recipe: &Recipe) -> Reading {
    Reading {
        length: 16,
        batch_size: recipe.batch_size,
        padding: 0,
        precision: Precision::F32,
    }
}

fn assert_close(left: &Parameters, right: &Parameters, tolerance: f32) {
    for (name, values) in left {
        for (a, b) in values.values.iter().zip(&right[name].values) {
            assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{name}: {a} against {b}");
        }
    }
}

#[test]
fn accumulated_batches_make_the_step_of_one_large_batch() {
    let large = Recipe {
        batch_size: 24,
        ..recipe()
    };
    // 24 notes as batches of 5, 5, 5, 5 and 4: the last, smaller one must weigh less.
    let small = Recipe {
        batch_size: 5,
        accumulate: 5,
        ..recipe()
    };
    let model = model("logistic_regression");
    let (large, large_watch) = run(&model, &large);
    let (small, small_watch) = run(&model, &small);
    assert_eq!(large_watch.steps.borrow().len(), 4);
    assert_eq!(small_watch.steps.borrow().len(), 4);
    assert_close(&weights(&large.unwrap()), &weights(&small.unwrap()), 1e-4);
}

#[test]
fn the_loss_falls_and_every_step_and_epoch_is_told() {
    let (trained, watch) = run(&model("caml"), &recipe());
    let rows = watch.rows.borrow();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows.iter().map(|row| row.epoch).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(rows[3].training_loss < rows[0].training_loss);
    assert_eq!(watch.steps.borrow().len(), 16);
    let trained = trained.unwrap().facts;
    assert_eq!((trained.best_epoch, trained.stopped.as_str()), (4, "all epochs done"));
    assert_eq!(trained.effort.notes, 96);
    assert_eq!(trained.effort.sittings, 1);
}

#[test]
fn the_best_epochs_weights_are_the_ones_returned() {
    let recipe = Recipe {
        epochs: 8,
        learning_rate: 0.3, // unsteady on purpose: the last epoch should not be the best
        encoder: None,
        select: Select::Best {
            metric: "map".into(),
            patience: 8,
        },
        ..recipe()
    };
    let (trained, watch) = run(&model("caml"), &recipe);
    let trained = trained.unwrap();
    let rows = watch.rows.borrow();
    let best = rows
        .iter()
        .map(|row| row.validation["map"])
        .fold(f64::NEG_INFINITY, f64::max);
    let first = rows.iter().position(|row| row.validation["map"] == best).unwrap() as u32 + 1;
    assert_eq!(trained.facts.best_epoch, first, "the earliest of the best");

    let world = world();
    let scores = probabilities(
        &trained.model,
        &world.tokens,
        reading(&recipe),
        4,
        &Device::flex(),
        &Watch::default(),
    )
    .unwrap();
    let verdict = Selection::of(&evaluation(), &recipe.select)
        .judge(&scores, &world.gold, 4)
        .unwrap();
    let row = &rows[first as usize - 1];
    assert_eq!(
        (verdict.threshold, &verdict.scores),
        (trained.facts.threshold, &row.validation),
        "the returned model scores what its epoch scored"
    );
}

#[test]
fn training_stops_when_validation_is_no_better_for_the_given_epochs() {
    let recipe = Recipe {
        epochs: 50,
        learning_rate: 1e-9, // nothing moves: no epoch is better than the first
        encoder: None,
        select: Select::Best {
            metric: "map".into(),
            patience: 3,
        },
        ..recipe()
    };
    let (trained, watch) = run(&model("logistic_regression"), &recipe);
    let trained = trained.unwrap().facts;
    assert_eq!(watch.rows.borrow().len(), 4);
    assert_eq!(
        (trained.best_epoch, trained.stopped.as_str()),
        (1, "no better validation map in 3 epochs")
    );
}

/// What training came to: steps, rows, why it ended, and whether it had finished learning.
fn ended(model: &str, recipe: &Recipe) -> (u64, usize, String, Option<Unfinished>) {
    let (trained, watch) = run(&crate::model(model), recipe);
    let facts = trained.unwrap().facts;
    let steps = watch.steps.borrow().len() as u64;
    assert_eq!(facts.epochs.last().unwrap().steps, steps);
    (steps, facts.epochs.len(), facts.stopped, facts.unfinished)
}

#[test]
fn a_budget_ends_training_where_it_is_spent_also_within_an_epoch() {
    // 24 notes in batches of 6: 4 steps an epoch, 16 in all.
    let with = |budget| Recipe {
        budget: Some(budget),
        ..recipe()
    };
    let spent = Some(Unfinished::BudgetSpent);
    let said = |budget: &str| format!("its budget of {budget} is spent");
    let tokens: u64 = world().tokens.lengths().iter().map(|&length| length as u64).sum();
    let cases = [
        (Budget::Steps(6), (6, 2, said("6 steps"), spent)),
        (Budget::Steps(8), (8, 2, said("8 steps"), spent)),
        (Budget::Steps(1), (1, 1, said("1 steps"), spent)),
        // The step that reaches it is the last.
        (Budget::Notes(25), (5, 2, said("25 notes"), spent)),
        (Budget::Tokens(tokens), (4, 1, said(&format!("{tokens} tokens")), spent)),
    ];
    for (budget, expected) in cases {
        assert_eq!(ended("caml", &with(budget)), expected, "{budget:?}");
    }
    // What the epochs never reach changes nothing.
    let whole = run(&model("caml"), &recipe()).0.unwrap();
    for budget in [Budget::Steps(16), Budget::Notes(96), Budget::Tokens(tokens * 4)] {
        let same = run(&model("caml"), &with(budget)).0.unwrap();
        assert!(weights(&same) == weights(&whole), "{budget:?}");
        assert_eq!(same.facts.stopped, "all epochs done");
    }
    let (steps, _, stopped, unfinished) = ended("caml", &with(Budget::Seconds(1e-9)));
    assert_eq!((steps, unfinished), (1, spent));
    assert!(stopped.contains("depends on the machine"), "{stopped}");
}

#[test]
fn the_schedule_of_a_budget_ends_with_it() {
    let with = |epochs, budget| Recipe {
        epochs,
        budget,
        schedule: Schedule::Linear { warmup: 0.25 },
        ..recipe()
    };
    let weights = |recipe: Recipe| weights(&run(&model("caml"), &recipe).0.unwrap());
    // Two epochs of eight steps, and a budget of eight steps in forty epochs, are one training.
    let short = weights(with(2, None));
    assert!(short == weights(with(40, Some(Budget::Steps(8)))));
    assert!(short == weights(with(40, Some(Budget::Notes(48)))));
    assert!(short != weights(with(3, None)));
}

#[test]
fn an_epoch_that_a_budget_cut_short_is_none_to_be_patient_for() {
    let recipe = Recipe {
        budget: Some(Budget::Steps(5)),
        learning_rate: 1e-9, // nothing moves: no epoch is better than the first
        encoder: None,
        select: Select::Best {
            metric: "map".into(),
            patience: 1,
        },
        ..recipe()
    };
    let (steps, rows, _, unfinished) = ended("logistic_regression", &recipe);
    assert_eq!((steps, rows, unfinished), (5, 2, Some(Unfinished::BudgetSpent)));
}

#[test]
fn a_clock_that_never_ends_it_leaves_the_schedule_to_the_epochs() {
    let with = |budget| Recipe {
        budget,
        schedule: Schedule::Linear { warmup: 0.25 },
        ..recipe()
    };
    let loss = |recipe: &Recipe| {
        let facts = run(&model("caml"), recipe).0.unwrap().facts;
        facts.epochs.last().unwrap().training_loss
    };
    let (without, beside) = (loss(&with(None)), loss(&with(Some(Budget::Seconds(1e6)))));
    assert!((without - beside).abs() < 1e-3, "{without} and {beside}");
}

#[test]
fn lbfgs_keeps_to_a_budget_of_notes_which_it_reads_many_times() {
    let recipe = Recipe {
        epochs: 3,
        bucket: 1,
        budget: Some(Budget::Notes(100)),
        optimiser: lbfgs(5, 30),
        learning_rate: 1.0,
        encoder: None,
        ..recipe()
    };
    let (steps, _, stopped, _) = ended("logistic_regression", &recipe);
    assert_eq!((steps, stopped.as_str()), (1, "its budget of 100 notes is spent"));
}

#[test]
fn lbfgs_ends_when_its_tolerances_are_met() {
    let recipe = Recipe {
        epochs: 50,
        bucket: 1,
        optimiser: Optimiser::Lbfgs(Lbfgs {
            history: 10,
            iterations: 60,
            gradient_tolerance: 0.05,
            change_tolerance: 1e-9,
        }),
        learning_rate: 1.0,
        encoder: None,
        ..recipe()
    };
    let (steps, _, stopped, unfinished) = ended("logistic_regression", &recipe);
    assert!(steps < 50, "{steps}");
    assert_eq!(
        (stopped.as_str(), unfinished),
        ("the optimiser's tolerances are met", None)
    );
}

#[test]
fn lbfgs_reaches_the_same_optimum_as_many_steps_of_adam() {
    let lbfgs = Recipe {
        epochs: 2,
        bucket: 1,
        optimiser: lbfgs(10, 60),
        learning_rate: 1.0,
        encoder: None,
        ..recipe()
    };
    let adam = Recipe {
        epochs: 3000,
        batch_size: 24,
        learning_rate: 0.02,
        encoder: None,
        schedule: Schedule::Linear { warmup: 0.0 },
        ..recipe()
    };
    let model = model("logistic_regression");
    let (lbfgs, watch) = run(&model, &lbfgs);
    assert!((1..=2).contains(&watch.steps.borrow().len()), "a step an epoch");
    let (adam, _) = run(&model, &adam);
    let (lbfgs, adam) = (lbfgs.unwrap(), adam.unwrap());
    let loss = |trained: &Trained| trained.facts.epochs.last().unwrap().training_loss;
    assert!(
        loss(&lbfgs) <= loss(&adam) + 1e-6,
        "{} against {}",
        loss(&lbfgs),
        loss(&adam)
    );
    assert_close(&weights(&lbfgs), &weights(&adam), 0.02);
}

#[test]
fn a_loss_that_is_no_number_stops_training_with_place_and_advice() {
    let recipe = Recipe {
        learning_rate: 1e30,
        encoder: None,
        ..recipe()
    };
    let (end, _) = run(&model("logistic_regression"), &recipe);
    let Err(error) = end else { panic!("it went on") };
    let message = error.to_string();
    assert!(
        message.contains("training diverged") && message.contains("lower learning-rate"),
        "{message}"
    );
}
