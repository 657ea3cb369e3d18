//! Running values: parameters that are not trained and follow what training batches look like, as a batch norm's mean
//! does. They are read, written and kept with the weights.
//!
//! A pass says what it saw and moves nothing, so that passes can be repeated; the step that follows it moves them.
//! (Burn's `RunningState` moves in the pass, for all copies of a module at once, and shows its last value but one.)

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use super::parameters::set;

/// What one batch moves a running value towards.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose value.
    pub id: ParamId,
    /// What the batch has, untracked; as many elements as the parameter.
    pub value: Tensor<1>,
    /// How far: 0 leaves the running value, 1 replaces it.
    pub share: f64,
}

/// The module after its running values have followed what was seen, in order.
pub fn follow<M: Module>(module: M, seen: Vec<Seen>) -> M {
    match seen.is_empty() {
        true => module,
        false => module.map(&mut Follow(seen)),
    }
}

struct Follow(Vec<Seen>);

impl ModuleMapper for Follow {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.0.iter().all(|seen| seen.id != parameter.id) {
            return parameter;
        }
        let tracked = parameter.val();
        let shape = tracked.dims();
        let autodiff = tracked.device().is_autodiff();
        let mut value = tracked.inner();
        for seen in self.0.iter().filter(|seen| seen.id == parameter.id) {
            value = value * (1.0 - seen.share) + seen.value.clone().reshape(shape) * seen.share;
        }
        match autodiff {
            true => set(parameter, Tensor::from_inner(value)),
            false => set(parameter, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::models::Initialiser;
    use crate::models::parameters::{host, read};

    #[derive(Module, Debug)]
    struct Two {
        trained: Param<Tensor<1>>,
        running: Param<Tensor<1>>,
    }

    #[test]
    fn running_values_follow_in_order_and_nothing_else_moves() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let mut initialiser = Initialiser::new(1, &device);
            let model = Two {
                trained: initialiser.constant([2], 5.0),
                running: initialiser.constant([2], 1.0).set_require_grad(false),
            };
            let seen = |share: f64, values: [f32; 2]| Seen {
                id: model.running.id,
                value: Tensor::from_floats(values, &Device::flex()),
                share,
            };
            let seen = vec![seen(0.5, [3.0, 5.0]), seen(0.25, [10.0, 7.0])];
            let before = model.clone();
            let after = follow(model, seen);
            assert_eq!(host(after.running.val()), [4.0, 4.0]);
            assert_eq!(read(&after)["trained"].values, [5.0; 2]);
            assert!(!after.running.val().is_require_grad() && after.running.id == before.running.id);
            assert_eq!(after.running.val().device(), before.running.val().device());
            assert_eq!(host(before.running.val()), [1.0; 2], "a copy moved with it");
        }
    }
}
