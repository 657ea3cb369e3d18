//! Gradients by parameter name.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use icdbench::models::Model;
use icdbench::models::parameters::{self, Parameters, Values};

/// Gradients to numbers by parameter name, or back.
pub struct Gradients {
    tensors: GradientsParams,
    values: Parameters,
    paths: BTreeMap<u64, String>,
    read: bool,
}

impl Gradients {
    /// Gradients as numbers.
    pub fn read(model: &Model, tensors: GradientsParams) -> Parameters {
        Self::visit(model, tensors, Parameters::new(), true).values
    }

    /// Numbers as gradients.
    pub fn tensors(model: &Model, values: Parameters) -> GradientsParams {
        Self::visit(model, GradientsParams::new(), values, false).tensors
    }

    fn visit(model: &Model, tensors: GradientsParams, values: Parameters, read: bool) -> Self {
        let mut gradients = Self {
            tensors,
            values,
            paths: parameters::paths(model),
            read,
        };
        model.visit(&mut gradients);
        gradients
    }
}

impl ModuleVisitor for Gradients {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let path = &self.paths[&parameter.id.val()];
        if self.read {
            if let Some(gradient) = self.tensors.remove::<D>(parameter.id) {
                let shape = gradient.dims().to_vec();
                let values = parameters::host(gradient);
                self.values.insert(path.clone(), Values { shape, values });
            }
        } else if let Some(gradient) = self.values.remove(path) {
            let data = TensorData::new(gradient.values, gradient.shape);
            self.tensors
                .register(parameter.id, Tensor::<D>::from_data(data, &crate::common::device()));
        }
    }
}
