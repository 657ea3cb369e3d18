//! The LSTM alone beside `torch.nn.LSTM` over packed sequences.

use burn::optim::GradientsParams;
use burn::tensor::s;
use icdbench::models::Precision;
use icdbench::models::lstm::{self, Lstm};
use icdbench::models::recurrence::Rows;

use super::*;

/// Rows are the notes' tokens one after another, the longest note first. Direction 1 reads backwards.
#[derive(Deserialize)]
struct LstmCase {
    lengths: Vec<usize>,
    input: usize,
    hidden: usize,
    inputs: Array,
    parameters: Arrays,
    states: Array,
    at_states: Array,
    at_inputs: Array,
    gradients: Arrays,
}

#[test]
fn states_and_gradients_of_an_lstm_over_packed_notes_are_pytorchs() {
    let case: LstmCase = fixture("lstm.json");
    let device = common::device();
    let mut initialiser = Initialiser::new(1, &device);
    let mut direction = || Lstm::init(case.input, case.hidden, &mut initialiser);
    let both = parameters::write(vec![direction(), direction()], numbers(&case.parameters)).unwrap();
    let matrix = |array: &Array| {
        let shape = [array.shape[0], array.shape[1]];
        Tensor::<2>::from_data(TensorData::new(array.values.clone(), shape), &device)
    };
    let rows = Rows::new(&case.lengths);
    let inputs = matrix(&case.inputs);
    let directions = [&both[0], &both[1]];
    let [first, second] = lstm::forward(directions, &inputs, &rows, true, Precision::F32);
    let states = Tensor::cat(vec![first.states.clone(), second.states.clone()], 1);
    assert_close(&parameters::host(states), &case.states.values, "states");

    let at_states = matrix(&case.at_states);
    let at_first = at_states.clone().slice(s![.., ..case.hidden]);
    let passes = [(first, at_first), (second, at_states.slice(s![.., case.hidden..]))];
    let mut gradients = GradientsParams::new();
    let at_inputs = lstm::backward(directions, &inputs, &rows, passes, true, Precision::F32, &mut gradients);
    assert_close(
        &parameters::host(at_inputs.unwrap()),
        &case.at_inputs.values,
        "the gradient at the inputs",
    );
    let found = parameters::gradients(&both, gradients);
    assert_all_close(&found, &numbers(&case.gradients), "gradients");
}
