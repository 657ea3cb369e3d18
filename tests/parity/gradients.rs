//! Gradients from numbers by parameter name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use icdbench::models::Model;
use icdbench::models::parameters::{self, Parameters};

/// Numbers as the gradients of a model.
pub fn tensors(model: &Model, values: Parameters) -> GradientsParams {
    struct Register {
        tensors: GradientsParams,
        values: Parameters,
        paths: BTreeMap<u64, String>,
    }
    impl ModuleVisitor for Register {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.values.remove(&self.paths[&parameter.id.val()]) {
                let data = TensorData::new(gradient.values, gradient.shape);
                self.tensors
                    .register(parameter.id, Tensor::<D>::from_data(data, &crate::common::device()));
            }
        }
    }
    let mut register = Register {
        tensors: GradientsParams::new(),
        values,
        paths: parameters::paths(model),
    };
    model.visit(&mut register);
    register.tensors
}
