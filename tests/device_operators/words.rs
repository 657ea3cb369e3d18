//! The loss over a vocabulary beside a loop.

use icdbench::models::Precision;
use icdbench::models::ops::{Words, likely_words, word_loss};
use icdbench::models::parameters::host;

use super::{near, numbers, tensor};

const ROWS: usize = 19;
const WORDS: usize = 130;
const DIMENSION: usize = 24;

#[test]
fn the_loss_over_a_vocabulary_its_gradients_and_the_likely_words_are_those_of_a_loop() {
    let [states, vectors, bias] =
        [(1, ROWS * DIMENSION), (2, WORDS * DIMENSION), (3, WORDS)].map(|(seed, count)| numbers(seed, count));
    let targets: Vec<i32> = (0..ROWS as i32).map(|row| row * row % WORDS as i32).collect();
    let mut loss = 0.0;
    let mut expected = [states.len(), vectors.len(), bias.len()].map(|count| vec![0f64; count]);
    let mut best = Vec::new();
    for (row, &target) in targets.iter().enumerate() {
        let state = &states[row * DIMENSION..][..DIMENSION];
        let logit = |word: usize| -> f64 {
            let products = state.iter().zip(&vectors[word * DIMENSION..]);
            products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() + f64::from(bias[word])
        };
        let logits: Vec<f64> = (0..WORDS).map(logit).collect();
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        loss += sum.ln() - logits[target as usize];
        best.push((0..WORDS).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap());
        for (word, logit) in logits.iter().enumerate() {
            let at = logit.exp() / sum - if word == target as usize { 1.0 } else { 0.0 };
            expected[2][word] += at;
            for column in 0..DIMENSION {
                expected[0][row * DIMENSION + column] += at * f64::from(vectors[word * DIMENSION + column]);
                expected[1][word * DIMENSION + column] += at * f64::from(state[column]);
            }
        }
    }
    for block in [WORDS, 32] {
        let states = tensor(states.clone(), [ROWS, DIMENSION], true).require_grad();
        let vectors = tensor(vectors.clone(), [WORDS, DIMENSION], true).require_grad();
        let bias = tensor(bias.clone(), [WORDS], true).require_grad();
        let words = Words {
            vectors: vectors.clone(),
            bias: bias.clone(),
            block,
        };
        let found = word_loss(states.clone(), words.clone(), &targets, Precision::F32);
        near(&host(found.clone().inner()), &[loss], 1e-5, "the loss");
        let gradients = found.backward();
        near(
            &host(states.grad(&gradients).unwrap()),
            &expected[0],
            1e-5,
            "at the states",
        );
        near(
            &host(vectors.grad(&gradients).unwrap()),
            &expected[1],
            1e-5,
            "at the vectors",
        );
        near(
            &host(bias.grad(&gradients).unwrap()),
            &expected[2],
            1e-5,
            "at the biases",
        );
        let likely = likely_words(states, &words, 1, Precision::F32);
        let likely: Vec<usize> = likely.iter().map(|words| words[0].0 as usize).collect();
        assert_eq!(likely, best);
    }
}
