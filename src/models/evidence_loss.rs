//! Evidence as a supervision of label-wise attention: a label should read where annotators marked its evidence. The term is
//! the cross-entropy of "some marked token is read", `-ln` of the attention on the marked tokens together, as rationale
//! supervision has it (Zaidan, Eisner and Piatko 2007; for attention Liu, Jin and others 2017).

use burn::tensor::{Tensor, TensorData, activation, s};

use super::evidence::EvidenceSpan;
use super::ops;

/// Added to the score of what was not marked.
const OUTSIDE: f32 = -1e30;

/// The mean of `-ln(attention on the marked tokens)` over all (sequence, code) with a mark, `[1]`; `None` where nothing is
/// marked. `queries` are `[code, dimension]`, `states` `[sequence, token, dimension]`, of which the first `lengths[sequence]`
/// are real; each sequence's marks have their places among its tokens.
pub fn evidence_loss(
    queries: &Tensor<2>,
    states: &Tensor<3>,
    lengths: &[usize],
    marks: &[Vec<EvidenceSpan>],
) -> Option<Tensor<1>> {
    let device = states.device();
    let dimension = states.dims()[2];
    let mut total: Option<Tensor<1>> = None;
    let mut count = 0;
    for (sequence, marks) in marks.iter().enumerate() {
        let tokens = lengths[sequence];
        let marks = by_code(marks, tokens);
        if marks.is_empty() {
            continue;
        }
        let codes: Vec<i32> = marks.iter().map(|(code, _)| *code as i32).collect();
        let mut outside = vec![OUTSIDE; marks.len() * tokens];
        for (row, (_, places)) in outside.chunks_mut(tokens).zip(&marks) {
            for &place in places {
                row[place] = 0.0;
            }
        }
        let outside = Tensor::<2>::from_data(TensorData::new(outside, [marks.len(), tokens]), &device);
        let own = states.clone().slice(s![sequence..sequence + 1, 0..tokens, ..]);
        let own: Tensor<2> = own.reshape([tokens, dimension]);
        let scores = ops::lookup(queries.clone(), &codes).matmul(own.swap_dims(0, 1)); // [mark, token]
        let log = activation::log_softmax(scores, 1);
        // The greatest marked one is taken out before the sum, so that nothing underflows.
        let marked = log + outside;
        let greatest = marked.clone().max_dim(1).detach();
        let read = (marked - greatest.clone()).exp().sum_dim(1).log() + greatest;
        let sum = -read.sum();
        count += marks.len();
        total = Some(match total {
            Some(total) => total + sum,
            None => sum,
        });
    }
    Some(total? / f64::from(count as u32))
}

/// Marks by code, the places of each together, of those that lie within the tokens.
fn by_code(marks: &[EvidenceSpan], tokens: usize) -> Vec<(u32, Vec<usize>)> {
    let mut by_code: std::collections::BTreeMap<u32, Vec<usize>> = std::collections::BTreeMap::new();
    for mark in marks {
        let places = mark
            .places
            .iter()
            .map(|&place| place as usize)
            .filter(|&place| place < tokens);
        by_code.entry(mark.code).or_default().extend(places);
    }
    by_code.into_iter().filter(|(_, places)| !places.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::models::parameters::host;

    fn mark(code: u32, places: &[u32]) -> EvidenceSpan {
        EvidenceSpan {
            code,
            places: places.to_vec(),
        }
    }

    #[test]
    fn it_is_the_attention_that_the_marked_tokens_lack() {
        let device = Device::flex();
        let tensor = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let queries = tensor(&[1.0, 0.0, 0.0, 2.0], [2, 2]);
        let states = tensor(&[0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 9.0, 9.0], [4, 2]).reshape([1, 4, 2]);
        // Three real tokens; scores of code 0: 0, 1, 2; of code 1: 2, 0, 2.
        let loss =
            |marks: Vec<EvidenceSpan>| evidence_loss(&queries, &states, &[3], &[marks]).map(|loss| host(loss)[0]);
        let share = |scores: [f32; 3], marked: &[usize]| {
            let all: f32 = scores.iter().map(|score| score.exp()).sum();
            -(marked.iter().map(|&place| scores[place].exp()).sum::<f32>() / all).ln()
        };
        let of_first = share([0.0, 1.0, 2.0], &[1, 2]);
        let of_second = share([2.0, 0.0, 2.0], &[0]);
        let found = loss(vec![mark(0, &[1]), mark(1, &[0]), mark(0, &[2])]).unwrap();
        assert!((found - (of_first + of_second) / 2.0).abs() < 1e-5, "{found}");
        // What lies past the tokens is no mark.
        assert_eq!(loss(vec![mark(0, &[3])]), None);
        assert_eq!(loss(Vec::new()), None);
    }
}
