//! Speed of the fused operators at the shapes of BERT with two layers of 256: `cargo bench --bench kernels`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use icdbench::kernels::label_attention::{self, Head, Notes};
use icdbench::kernels::layer_norm::{self, Saved};
use icdbench::kernels::word_loss::{self, Words};
use icdbench::kernels::{adam, attention, dropout::Masks, gelu};

const HIDDEN: usize = 256;
const HEADS: usize = 4;

/// Fractional parts of multiples of the golden ratio, less a half.
fn numbers(count: usize) -> Vec<f32> {
    let spread = |index: usize| (index as f64 * 0.618_033_988_749_894_9).fract() as f32 - 0.5;
    (0..count).map(spread).collect()
}

fn bench_elementwise(criterion: &mut Criterion) {
    let rows = 2_048;
    let masks = Masks::new(1, 2, 0.1);
    let mut group = criterion.benchmark_group("elementwise");
    group.sample_size(20);
    let (x, dy) = (numbers(rows * 4 * HIDDEN), numbers(rows * 4 * HIDDEN));
    let mut y = vec![0.0; x.len()];
    group.bench_function("gelu_forward", |bencher| {
        bencher.iter(|| gelu::forward(black_box(&x), &mut y))
    });
    group.bench_function("gelu_backward", |bencher| {
        bencher.iter(|| gelu::backward(black_box(&x), &mut y))
    });
    group.bench_function("dropout_mask", |bencher| {
        bencher.iter(|| masks.fill_all(black_box(&mut y)))
    });

    let count = rows * HIDDEN;
    let (weight, bias) = (numbers(HIDDEN), numbers(HIDDEN));
    let (mut normalised, mut inverse) = (x[..count].to_vec(), vec![0.0; rows]);
    group.bench_function("layer_norm_forward", |bencher| {
        bencher.iter(|| {
            let saved = Saved {
                inverse: &mut inverse,
                y: &mut y[..count],
            };
            let residual = Some(&dy[..count]);
            let rows = black_box(&mut normalised);
            layer_norm::forward(rows, residual, Some(&masks), [&weight, &bias], 1e-12, Some(saved));
        });
    });
    let (mut gradient, mut d_x) = (dy[..count].to_vec(), vec![0.0; count]);
    let (mut d_weight, mut d_bias) = (vec![0.0; HIDDEN], vec![0.0; HIDDEN]);
    group.bench_function("layer_norm_backward", |bencher| {
        bencher.iter(|| {
            let gradients = layer_norm::Gradients {
                dropout: Some((&masks, &mut d_x)),
                weight: &mut d_weight,
                bias: &mut d_bias,
            };
            layer_norm::backward(black_box(&mut gradient), &normalised, &inverse, &weight, gradients);
        });
    });

    let rule = adam::Rule {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        decoupled: true,
    };
    let (mut value, mut first, mut second) = (x.clone(), vec![0.0; x.len()], vec![0.0; x.len()]);
    group.bench_function("adamw", |bencher| {
        bencher.iter(|| {
            let parameter = adam::Parameter {
                value: &mut value,
                first: &mut first,
                second: &mut second,
            };
            adam::step(&rule, 1e-4, 10, 1.0, parameter, black_box(&dy));
        });
    });
    group.finish();
}

fn bench_attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attention");
    group.sample_size(10);
    for (name, lengths) in [("4x512", vec![512; 4]), ("1x8192", vec![8_192])] {
        let rows: usize = lengths.iter().sum();
        let shape = attention::Shape {
            lengths: &lengths,
            heads: HEADS,
            hidden: HIDDEN,
        };
        let masks = Masks::new(1, 2, 0.1);
        let (qkv, d_out) = (numbers(rows * 3 * HIDDEN), numbers(rows * HIDDEN));
        let (mut out, mut log_sums) = (vec![0.0; rows * HIDDEN], vec![0.0; rows * HEADS]);
        let mut d_qkv = vec![0.0; qkv.len()];
        group.bench_function(format!("forward_{name}"), |bencher| {
            bencher.iter(|| attention::forward(black_box(&qkv), shape, Some(&masks), &mut out, &mut log_sums));
        });
        group.bench_function(format!("backward_{name}"), |bencher| {
            let saved = [out.as_slice(), &log_sums];
            bencher.iter(|| attention::backward(&d_out, black_box(&qkv), saved, shape, Some(&masks), &mut d_qkv));
        });
    }
    group.finish();
}

fn bench_label_attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("label_attention");
    group.sample_size(10);
    for (tokens, codes) in [(512, 50), (512, 8_921)] {
        let lengths = [tokens; 4];
        let states = numbers(4 * tokens * HIDDEN);
        let notes = Notes {
            states: &states,
            width: tokens,
            dimension: HIDDEN,
            lengths: &lengths,
        };
        let (queries, bias) = (numbers(codes * HIDDEN), numbers(codes));
        let head = Head {
            queries: &queries,
            weight: &queries,
            bias: &bias,
        };
        let targets = vec![0.0; 4 * codes];
        group.bench_function(format!("logits_4x{tokens}_{codes}"), |bencher| {
            bencher.iter(|| label_attention::logits(black_box(notes), head));
        });
        group.bench_function(format!("gradients_4x{tokens}_{codes}"), |bencher| {
            bencher.iter(|| label_attention::loss_and_gradients(black_box(notes), head, &targets, 256));
        });
    }
    group.finish();
}

/// The masked words of 4 x 512 tokens over a vocabulary of 20,000.
fn bench_word_loss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("word_loss");
    group.sample_size(10);
    let (rows, words) = (308, 20_000);
    let (states, vectors, bias) = (numbers(rows * HIDDEN), numbers(words * HIDDEN), numbers(words));
    let targets: Vec<i32> = (0..rows as i32).map(|row| row * 61 % words as i32).collect();
    for block in [512, 2_048] {
        let words = Words {
            vectors: &vectors,
            bias: &bias,
            block,
        };
        let log_sums = word_loss::forward(&states, words, &targets).log_sums;
        group.bench_function(format!("forward_{block}"), |bencher| {
            bencher.iter(|| word_loss::forward(black_box(&states), words, &targets));
        });
        group.bench_function(format!("backward_{block}"), |bencher| {
            bencher.iter(|| word_loss::backward(black_box(&states), words, &targets, &log_sums, 1.0));
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    bench_elementwise,
    bench_attention,
    bench_label_attention,
    bench_word_loss
);
criterion_main!(benches);
