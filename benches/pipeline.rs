//! Tokenising, batching and one training step of each model, on generated notes. Sizes are small so
//! that a run takes a minute; rates, not absolute times, are what to compare.

#[path = "../tests/common/fit.rs"]
mod fit;

use std::time::Duration;

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use icdbench::data::{SyntheticSettings, synthetic};
use icdbench::models::{Batch, Initialiser, ModelConfig, Task, parameters};
use icdbench::text::{BatchSettings, Normalisation, TextSettings, TokenStore, TokenizerSettings, training_order};

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

fn settings() -> TextSettings {
    TextSettings {
        normalise: Normalisation::Caml,
        tokenizer: TokenizerSettings::Words {
            min_documents: 2,
            max_size: None,
        },
    }
}

fn tokenising(criterion: &mut Criterion) {
    let texts = texts();
    let bytes: usize = texts.iter().map(String::len).sum();
    let tokenizer = fit::fit(&settings(), &texts).expect("words");
    let mut group = criterion.benchmark_group("tokenising");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("fit words", |bencher| bencher.iter(|| fit::fit(&settings(), &texts)));
    group.bench_function("encode words", |bencher| {
        bencher.iter(|| TokenStore::encode(&tokenizer, &texts, &mut |_, _| {}));
    });
    group.finish();
}

fn batching(criterion: &mut Criterion) {
    let texts = texts();
    let tokenizer = fit::fit(&settings(), &texts).expect("words");
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

/// Forward and backward of a batch of 4 notes, for the smallest settings of each model.
fn training_step(criterion: &mut Criterion) {
    let texts = texts();
    let tokenizer = fit::fit(&settings(), &texts).expect("words");
    let store = TokenStore::encode(&tokenizer, &texts, &mut |_, _| {});
    let device = Device::flex().autodiff();
    let task = Task {
        codes: CODES,
        vocabulary: tokenizer.size(),
        training_notes: texts.len(),
        code_frequency: vec![1; CODES],
        count_scale: vec![1.0; tokenizer.size()],
        descriptions: vec![vec![2, 3]; CODES],
        ..Task::default()
    };
    let mut group = criterion.benchmark_group("gradients");
    for config in ModelConfig::tiny() {
        let model = config.init(&task, &mut Initialiser::new(1, &device));
        for length in [512, 2048] {
            let notes: Vec<Vec<i32>> = (0..4)
                .map(|note| store.note(note, length).iter().map(|&token| token as i32).collect())
                .collect();
            let tokens: usize = notes.iter().map(Vec::len).sum();
            group.throughput(Throughput::Elements(tokens as u64));
            group.bench_function(BenchmarkId::new(config.name(), length), |bencher| {
                bencher.iter(|| {
                    let batch = Batch::new(&notes, 0, &device);
                    let (loss, gradients) = model.gradients(&batch, Tensor::zeros([4, CODES], &device));
                    (parameters::host(loss), gradients.len())
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = tokenising, batching, training_step
}
criterion_main!(benches);
