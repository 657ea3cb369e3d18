//! Tokenising, batching, and one training step and one inference of each model, on generated notes: `cargo bench --bench
//! pipeline`. Sizes are small so that a run takes minutes; rates, not absolute times, are what to compare.

#[path = "../tests/common/fit.rs"]
mod fit;

use std::time::Duration;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use icdbench::data::{SyntheticSettings, synthetic};
use icdbench::models::dropout::Noise;
use icdbench::models::{Batch, Initialiser, ModelConfig, Task, parameters};
use icdbench::text::{BatchSettings, Normalisation, TextSettings, TokenStore, TokenizerSettings, training_order};
use icdbench::train::{Decay, Learner, Moments, Part, Stepper};

const CODES: usize = 50;

fn texts() -> Vec<String> {
    let settings = SyntheticSettings {
        seed: 1,
        notes: 60,
        median_words: 1600,
    };
    let notes = synthetic::generate(&settings).expect("settings in range");
    notes.train.into_iter().map(|note| note.text).collect()
}

fn words() -> TextSettings {
    TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 2,
            max_size: None,
        },
    }
}

fn pieces() -> TextSettings {
    TextSettings {
        normalise: Normalisation::None,
        tokenizer: TokenizerSettings::TrainWordPiece {
            vocabulary: 2000,
            min_frequency: 2,
            lowercase: true,
            strip_accents: None,
            split_chinese: None,
        },
    }
}

fn tokenising(criterion: &mut Criterion) {
    let texts = texts();
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut group = criterion.benchmark_group("tokenising");
    group.throughput(Throughput::Bytes(bytes as u64));
    for (name, settings) in [("words", words()), ("pieces", pieces())] {
        let tokenizer = fit::fit(&settings, &texts).expect("generated notes have both");
        group.bench_function(format!("fit {name}"), |bencher| {
            bencher.iter(|| fit::fit(&settings, &texts))
        });
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| TokenStore::encode(&tokenizer, &texts, &mut |_, _| {}));
        });
    }
    group.finish();
}

fn batching(criterion: &mut Criterion) {
    let texts = texts();
    let tokenizer = fit::fit(&words(), &texts).expect("words");
    let store = TokenStore::encode(&tokenizer, &texts, &mut |_, _| {});
    let order = BatchSettings {
        batch_size: 8,
        max_length: 2048,
        bucket: 4,
    };
    let lengths = store.lengths();
    let device = Device::flex();
    let mut group = criterion.benchmark_group("batching");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("an epoch", |bencher| {
        bencher.iter(|| {
            let batches = training_order(&lengths, order, 1, 1);
            let batch = |notes: &Vec<usize>| {
                let note = |&note: &usize| store.note(note, order.max_length).iter().map(|&token| token as i32);
                Batch::new(notes.iter().map(note), 0, &device).width()
            };
            batches.iter().map(batch).sum::<usize>()
        });
    });
    group.finish();
}

/// A batch of 4 notes through the smallest settings of each model: a training step with dropout, as `Learner` does it (loss,
/// gradients, AdamW), and the logits of the same notes.
fn models(criterion: &mut Criterion) {
    let texts = texts();
    let tokenizer = fit::fit(&words(), &texts).expect("words");
    let store = TokenStore::encode(&tokenizer, &texts, &mut |_, _| {});
    let (device, trained) = (Device::flex(), Device::flex().autodiff());
    let task = Task {
        codes: CODES,
        vocabulary: tokenizer.size(),
        // Words have neither; any two will do for the models that put them around a note.
        cls: Some(2),
        separator: Some(3),
        training_notes: texts.len(),
        code_frequency: vec![1; CODES],
        count_scale: vec![1.0; tokenizer.size()],
        descriptions: vec![vec![2, 3]; CODES],
        ..Task::default()
    };
    let moments = || Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay: Decay::All,
    };
    let notes = |length: usize| -> Vec<Vec<i32>> {
        let note = |note| store.note(note, length).iter().map(|&token| token as i32).collect();
        (0..4).map(note).collect()
    };
    let mut group = criterion.benchmark_group("step");
    for config in ModelConfig::tiny() {
        for length in [512, 2048] {
            let notes = notes(length);
            let model = config.init(&task, &mut Initialiser::new(1, &trained));
            let mut learner = Learner::new(model, Stepper::adamw(moments(), 0.0));
            let mut step = 0;
            group.throughput(Throughput::Elements(notes.iter().map(Vec::len).sum::<usize>() as u64));
            group.bench_function(BenchmarkId::new(config.name(), length), |bencher| {
                bencher.iter(|| {
                    step += 1;
                    let part = Part {
                        batch: Batch::new(&notes, 0, &trained).with_noise(Noise::new(1, step)),
                        targets: Tensor::zeros([4, CODES], &trained),
                    };
                    learner.step(1e-4, notes.len(), [part].into_iter())
                });
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("inference");
    for config in ModelConfig::tiny() {
        let model = config.init(&task, &mut Initialiser::new(1, &trained)).valid();
        for length in [512, 2048] {
            let notes = notes(length);
            group.throughput(Throughput::Elements(notes.iter().map(Vec::len).sum::<usize>() as u64));
            group.bench_function(BenchmarkId::new(config.name(), length), |bencher| {
                bencher.iter(|| parameters::host(model.logits(&Batch::new(&notes, 0, &device))));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = tokenising, batching, models
}

/// With the threads that compute in the program's workers.
fn main() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    icdbench::machine::computing_threads(threads, true).expect("a thread pool");
    benches();
    Criterion::default().configure_from_args().final_summary();
}
