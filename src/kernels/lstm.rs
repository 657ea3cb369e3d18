//! One direction of a long short-term memory over notes of different lengths (Hochreiter and
//! Schmidhuber 1997 with forget gates, as PyTorch orders and computes them: input, forget, candidate,
//! output). How the steps go says `recurrence`.

use pulp::Arch;

mod backward;
mod forward;
#[cfg(test)]
mod tests;

pub use super::recurrence::{Recurrence, Scan};
pub use backward::Gradients;

/// The states `[row, H]`, each from the state and the cell of the note's row before it (after it, where
/// `reversed`), the first from 0.
///
/// `gates` holds the input projections without their bias, `[row, 4H]`, and is overwritten with
/// the gates i, f, g and o. `cells`, if given, receives the cells, `[row, H]`: [`backward`] needs them.
///
/// # Panics
/// When a slice has another length.
pub fn forward(scan: Scan, recurrence: Recurrence, gates: &mut [f32], cells: Option<&mut [f32]>) -> Vec<f32> {
    let mut states = vec![0.0; scan.rows() * scan.hidden];
    assert_eq!(gates.len(), 4 * states.len(), "gates are not [row, 4H]");
    assert_eq!(
        recurrence.weight.len(),
        4 * scan.hidden * scan.hidden,
        "weight is not [H, 4H]"
    );
    for bias in [recurrence.bias, recurrence.input_bias] {
        assert_eq!(bias.len(), 4 * scan.hidden, "bias is not [4H]");
    }
    Arch::new().dispatch(forward::Forward {
        scan,
        recurrence,
        gates,
        cells,
        states: &mut states,
    });
    states
}

/// The gradients of a loss from its gradient at the states.
///
/// `weight` is the recurrent weight `[H, 4H]`. `gates` and `cells` are what [`forward`] left there;
/// `gates` is overwritten with the gradient at the input projections, which is that at the recurrent
/// products. `states` are the states and `at_states` the gradient there, `[row, H]`.
///
/// # Panics
/// When a slice has another length.
pub fn backward(
    scan: Scan,
    weight: &[f32],
    gates: &mut [f32],
    cells: &[f32],
    states: &[f32],
    at_states: &[f32],
) -> Gradients {
    let size = scan.rows() * scan.hidden;
    assert_eq!(gates.len(), 4 * size, "gates are not [row, 4H]");
    assert_eq!(weight.len(), 4 * scan.hidden * scan.hidden, "weight is not [H, 4H]");
    for values in [cells, states, at_states] {
        assert_eq!(values.len(), size, "values are not [row, H]");
    }
    let bias = Arch::new().dispatch(backward::Backward {
        scan,
        weight,
        gates,
        cells,
        at_states,
    });
    Gradients {
        weight: backward::at_weight(scan, gates, states),
        bias,
    }
}
