//! One direction of a gated recurrent unit over notes of different lengths (Cho et al. 2014, with
//! the gates as PyTorch orders and computes them: reset, update, candidate). How the steps go says
//! `recurrence`.

use pulp::Arch;

mod backward;
mod forward;
#[cfg(test)]
mod tests;

pub use super::recurrence::{Recurrence, Scan};
pub use backward::Gradients;

/// The states `[row, H]`, each from the state of the note's row before it (after it, where
/// `reversed`), the first from 0.
///
/// `gates` holds the input projections without their bias, `[row, 3H]`, and is overwritten with
/// the gates r, z and n. `candidate`, if given, receives the recurrent product of the candidate
/// gate, `[row, H]`: [`backward`] needs it.
///
/// # Panics
/// When a slice has another length.
pub fn forward(scan: Scan, recurrence: Recurrence, gates: &mut [f32], candidate: Option<&mut [f32]>) -> Vec<f32> {
    let mut states = vec![0.0; scan.rows() * scan.hidden];
    assert_eq!(gates.len(), scan.rows() * 3 * scan.hidden, "gates are not [row, 3H]");
    assert_eq!(
        recurrence.weight.len(),
        3 * scan.hidden * scan.hidden,
        "weight is not [H, 3H]"
    );
    for bias in [recurrence.bias, recurrence.input_bias] {
        assert_eq!(bias.len(), 3 * scan.hidden, "bias is not [3H]");
    }
    Arch::new().dispatch(forward::Forward {
        scan,
        recurrence,
        gates,
        candidate,
        states: &mut states,
    });
    states
}

/// The gradients of a loss from its gradient at the states.
///
/// `weight` is the recurrent weight `[H, 3H]`. `gates` and `candidate` are what [`forward`] left
/// there; `gates` is overwritten with the gradient at the input projections, `candidate` with
/// that at the recurrent product of the candidate gate. `states` are the states and `at_states`
/// the gradient there, `[row, H]`.
///
/// # Panics
/// When a slice has another length.
pub fn backward(
    scan: Scan,
    weight: &[f32],
    gates: &mut [f32],
    candidate: &mut [f32],
    states: &[f32],
    at_states: &[f32],
) -> Gradients {
    let size = scan.rows() * scan.hidden;
    assert_eq!(gates.len(), 3 * size, "gates are not [row, 3H]");
    assert_eq!(weight.len(), 3 * scan.hidden * scan.hidden, "weight is not [H, 3H]");
    for values in [&*candidate, states, at_states] {
        assert_eq!(values.len(), size, "values are not [row, H]");
    }
    let biases = Arch::new().dispatch(backward::Backward {
        scan,
        weight,
        gates,
        candidate,
        states,
        at_states,
    });
    backward::gradients(scan, biases, gates, candidate, states)
}
