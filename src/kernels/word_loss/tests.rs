use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    dimension: usize,
    states: Vec<f32>,
    vectors: Vec<f32>,
    bias: Vec<f32>,
    targets: Vec<i32>,
}

fn case(rows: usize, words: usize, dimension: usize) -> Case {
    let scaled = |seed, count, by: f32| noise(seed, count).iter().map(|value| by * value).collect();
    Case {
        dimension,
        states: scaled(1, rows * dimension, 2.0),
        vectors: scaled(2, words * dimension, 1.5),
        bias: scaled(3, words, 3.0),
        targets: (0..rows).map(|row| (row * row * 7 % words) as i32).collect(),
    }
}

impl Case {
    fn words(&self, block: usize) -> Words<'_> {
        Words {
            vectors: &self.vectors,
            bias: &self.bias,
            block,
        }
    }

    fn back(&self, block: usize, gradient: f32) -> (f32, Gradients) {
        let found = forward(&self.states, self.words(block), &self.targets);
        let gradients = backward(
            &self.states,
            self.words(block),
            &self.targets,
            &found.log_sums,
            gradient,
        );
        (found.loss, gradients)
    }

    /// The loss, and its gradients at states, vectors and biases, in f64.
    fn naive(&self, gradient: f64) -> (f64, [Vec<f64>; 3]) {
        let (d, words) = (self.dimension, self.bias.len());
        let mut loss = 0.0;
        let mut found = [self.states.len(), self.vectors.len(), words].map(|count| vec![0.0; count]);
        for (row, &target) in self.targets.iter().enumerate() {
            let state = |k: usize| f64::from(self.states[row * d + k]);
            let logits: Vec<f64> = (0..words)
                .map(|word| {
                    let products = (0..d).map(|k| state(k) * f64::from(self.vectors[word * d + k]));
                    products.sum::<f64>() + f64::from(self.bias[word])
                })
                .collect();
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            loss += sum.ln() - logits[target as usize];
            for (word, logit) in logits.iter().enumerate() {
                let hit = if word == target as usize { 1.0 } else { 0.0 };
                let at = gradient * (logit.exp() / sum - hit);
                found[2][word] += at;
                for k in 0..d {
                    found[0][row * d + k] += at * f64::from(self.vectors[word * d + k]);
                    found[1][word * d + k] += at * state(k);
                }
            }
        }
        (loss, found)
    }
}

#[test]
fn loss_and_gradients_are_those_of_a_loop_whatever_the_block() {
    for case in [case(1, 1, 1), case(3, 40, 5), case(70, 133, 16), case(130, 64, 33)] {
        let (loss, [states, vectors, bias]) = case.naive(0.25);
        for block in [1, 7, 64, 1_000] {
            let (found, gradients) = case.back(block, 0.25);
            close(&[found], &[loss], 1e-5);
            close(&gradients.states, &states, 1e-5);
            close(&gradients.vectors, &vectors, 1e-5);
            close(&gradients.bias, &bias, 1e-5);
        }
    }
}

#[test]
fn large_products_do_not_overflow() {
    let mut case = case(5, 30, 4);
    case.states.iter_mut().for_each(|value| *value *= 300.0);
    let (loss, gradients) = case.back(8, 1.0);
    assert!(loss.is_finite() && loss > 0.0);
    assert!(gradients.vectors.iter().all(|value| value.is_finite()));
}

#[test]
fn what_is_no_number_is_seen_in_the_loss() {
    let mut case = case(5, 30, 4);
    case.states[9] = f32::NAN;
    assert!(forward(&case.states, case.words(8), &case.targets).loss.is_nan());
    case.states[9] = f32::INFINITY;
    assert!(!forward(&case.states, case.words(8), &case.targets).loss.is_finite());
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(300, 700, 64);
    let run = |threads| in_pool(threads, || case.back(128, 0.5));
    assert_eq!(run(1), run(2));
}

#[test]
fn no_row_has_no_loss_and_moves_nothing() {
    let mut case = case(1, 9, 4);
    (case.states, case.targets) = (Vec::new(), Vec::new());
    let (loss, gradients) = case.back(4, 1.0);
    assert_eq!((loss, gradients.vectors), (0.0, vec![0.0; 36]));
}

#[test]
#[should_panic(expected = "a target is no word")]
fn a_target_beyond_the_vocabulary_is_refused() {
    let case = case(1, 9, 4);
    forward(&case.states, case.words(4), &[9]);
}
