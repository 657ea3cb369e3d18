//! One optimiser step over a model's parameters: clipping by the global norm, then Burn's Adam or
//! AdamW on each parameter. The moments live here by parameter path, so that a checkpoint holds them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{
    Adam, AdamConfig, AdamState, AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer,
};
use burn::tensor::{Device, Tensor, TensorData};

use super::recipe::{Decay, EncoderRates, Moments, Optimiser};
use crate::kernels::adam as adam_kernel;
use crate::models::coding_model::ordered_sum;
use crate::models::parameters::{self, Parameters, Values};
use crate::models::{Depth, Model, ops};

/// First and second moments of one parameter, flattened.
#[derive(Clone)]
struct State {
    time: usize,
    first: Tensor<1>,
    second: Tensor<1>,
}

/// The optimiser of one training run.
#[derive(Clone)]
pub struct Stepper {
    rule: Rule,
    moments: Moments,
    decay: Decay,
    clip_norm: f64,
    states: BTreeMap<u64, State>,
    /// Factors of single parameters' rates; 1 where there is none.
    factors: BTreeMap<u64, f64>,
}

#[derive(Clone)]
enum Rule {
    Adam { decayed: Adam, plain: Adam },
    AdamW { decayed: AdamW, plain: AdamW },
}

impl Stepper {
    /// An optimiser without any step taken; `None` for one that does not go step by step.
    pub fn new(optimiser: &Optimiser, clip_norm: f64) -> Option<Self> {
        match optimiser {
            Optimiser::Adam(moments) => Some(Self::adam(*moments, clip_norm)),
            Optimiser::AdamW(moments) => Some(Self::adamw(*moments, clip_norm)),
            Optimiser::Lbfgs(_) | Optimiser::None => None,
        }
    }

    /// Adam, without any step taken.
    pub fn adam(moments: Moments, clip_norm: f64) -> Self {
        let rule = Rule::Adam {
            decayed: adam(&moments, moments.weight_decay),
            plain: adam(&moments, 0.0),
        };
        Self::of(rule, moments, clip_norm)
    }

    /// AdamW, without any step taken.
    pub fn adamw(moments: Moments, clip_norm: f64) -> Self {
        let rule = Rule::AdamW {
            decayed: adamw(&moments, moments.weight_decay),
            plain: adamw(&moments, 0.0),
        };
        Self::of(rule, moments, clip_norm)
    }

    fn of(rule: Rule, moments: Moments, clip_norm: f64) -> Self {
        Self {
            rule,
            decay: moments.decay,
            moments,
            clip_norm,
            states: BTreeMap::new(),
            factors: BTreeMap::new(),
        }
    }

    /// The optimiser with rates of the encoder's own in `model`; `rate` is the peak rate of the rest.
    pub fn with_encoder_rates(mut self, rates: &EncoderRates, rate: f64, model: &Model) -> Self {
        let paths = parameters::paths(model);
        let depths: Vec<Depth> = paths.values().map(|path| model.depth(path)).collect();
        let factors = rates.factors(&depths, rate);
        self.factors = paths.into_keys().zip(factors).collect();
        self
    }

    /// The model after one step at the given learning rate. A parameter without a gradient stays as it is.
    pub fn step<M: Module>(&mut self, rate: f64, model: M, gradients: GradientsParams) -> M {
        let scale = (self.clip_norm > 0.0).then(|| clip_scale(&model, &gradients, self.clip_norm));
        model.map(&mut Step {
            stepper: self,
            rate,
            gradients,
            scale: scale.flatten(),
        })
    }

    /// The moments by name, for a checkpoint: `first.<path>` and `second.<path>`, and the step counts.
    pub fn save<M: Module>(&self, model: &M) -> (Parameters, BTreeMap<String, usize>) {
        let mut moments = Parameters::new();
        let mut times = BTreeMap::new();
        for (id, path) in parameters::paths(model) {
            let Some(state) = self.states.get(&id) else {
                continue;
            };
            times.insert(path.clone(), state.time);
            for (name, tensor) in [("first", &state.first), ("second", &state.second)] {
                let values = Values {
                    shape: tensor.dims().to_vec(),
                    values: parameters::host(tensor.clone()),
                };
                moments.insert(format!("{name}.{path}"), values);
            }
        }
        (moments, times)
    }

    /// Takes back what [`save`](Self::save) gave.
    ///
    /// # Errors
    /// Names the moment that is missing.
    pub fn load<M: Module>(
        &mut self,
        model: &M,
        mut moments: Parameters,
        times: &BTreeMap<String, usize>,
        device: &Device,
    ) -> Result<(), String> {
        for (id, path) in parameters::paths(model) {
            let Some(&time) = times.get(&path) else {
                continue;
            };
            let mut take = |name: &str| {
                let name = format!("{name}.{path}");
                let found = moments.remove(&name).ok_or(format!("lacks the moment {name}"))?;
                let count = found.values.len();
                Ok::<_, String>(Tensor::from_data(TensorData::new(found.values, [count]), device))
            };
            let (first, second) = (take("first")?, take("second")?);
            self.states.insert(id, State { time, first, second });
        }
        Ok(())
    }

    /// One pass over the memory with the rule of [`update`](Self::update); on the CPU.
    fn update_on_cpu(
        &mut self,
        id: u64,
        rate: f64,
        decayed: bool,
        value: Tensor<1>,
        gradient: Tensor<1>,
        scale: f32,
    ) -> Tensor<1> {
        let device = value.device();
        let state = self.states.remove(&id).unwrap_or_else(|| State {
            time: 0,
            first: value.zeros_like(),
            second: value.zeros_like(),
        });
        let moments = &self.moments;
        let rule = adam_kernel::Rule {
            betas: moments.betas,
            epsilon: moments.epsilon,
            weight_decay: if decayed { moments.weight_decay } else { 0.0 },
            decoupled: matches!(self.rule, Rule::AdamW { .. }),
        };
        let time = state.time + 1;
        let count = value.dims();
        let mut arrays = [value, state.first, state.second].map(parameters::host);
        let gradient = parameters::host(gradient);
        let [value, first, second] = &mut arrays;
        let parameter = adam_kernel::Parameter { value, first, second };
        adam_kernel::step(&rule, rate, time, scale, parameter, &gradient);
        let [value, first, second] = arrays.map(|values| Tensor::from_data(TensorData::new(values, count), &device));
        self.states.insert(id, State { time, first, second });
        value
    }

    /// One kernel with the rule of [`update`](Self::update); on a GPU.
    #[cfg(feature = "gpu")]
    fn update_on_gpu(&mut self, id: u64, rate: f64, decayed: bool, value: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        let state = self.states.remove(&id).unwrap_or_else(|| State {
            time: 0,
            first: value.zeros_like(),
            second: value.zeros_like(),
        });
        let time = state.time + 1;
        let moments = &self.moments;
        let weight_decay = if decayed { moments.weight_decay } else { 0.0 };
        let decoupled = matches!(self.rule, Rule::AdamW { .. });
        let factors = ops::AdamFactors {
            penalty: if decoupled { 0.0 } else { weight_decay },
            shrink: if decoupled {
                (1.0 - rate * f64::from(weight_decay)) as f32
            } else {
                1.0
            },
            betas: moments.betas,
            corrections: moments.betas.map(|beta| 1.0 - beta.powi(time as i32)),
            epsilon: moments.epsilon,
            rate: rate as f32,
        };
        let [value, first, second] = ops::adam([value, state.first, state.second], gradient, factors);
        self.states.insert(id, State { time, first, second });
        value
    }

    fn update(&mut self, id: u64, rate: f64, decayed: bool, value: Tensor<1>, gradient: Tensor<1>) -> Tensor<1> {
        #[cfg(feature = "gpu")]
        if ops::has_gpu_kernels(&value.device()) {
            return self.update_on_gpu(id, rate, decayed, value, gradient);
        }
        let momentum = self.states.remove(&id).map(|state| {
            let mut momentum = AdaptiveMomentumState::new(state.time, state.first, state.second);
            momentum.max_moment_2 = None;
            momentum
        });
        let (value, momentum) = match &self.rule {
            Rule::Adam { decayed: with, plain } => {
                let rule = if decayed { with } else { plain };
                let (value, state) = rule.step(rate, value, gradient, momentum.map(AdamState::new));
                (value, state.map(|state| state.momentum))
            }
            Rule::AdamW { decayed: with, plain } => {
                let rule = if decayed { with } else { plain };
                let (value, state) = rule.step(rate, value, gradient, momentum.map(AdamWState::new));
                (value, state.map(|state| state.momentum))
            }
        };
        if let Some(momentum) = momentum {
            let state = State {
                time: momentum.time,
                first: momentum.moment_1,
                second: momentum.moment_2,
            };
            self.states.insert(id, state);
        }
        value
    }
}

fn adam(moments: &Moments, weight_decay: f32) -> Adam {
    let config = AdamConfig::new()
        .with_beta_1(moments.betas[0])
        .with_beta_2(moments.betas[1])
        .with_epsilon(moments.epsilon);
    if weight_decay > 0.0 {
        config
            .with_weight_decay(Some(WeightDecayConfig::new(weight_decay)))
            .build()
    } else {
        config.build()
    }
}

fn adamw(moments: &Moments, weight_decay: f32) -> AdamW {
    AdamWConfig::new()
        .with_beta_1(moments.betas[0])
        .with_beta_2(moments.betas[1])
        .with_epsilon(moments.epsilon)
        .with_weight_decay(weight_decay)
        .build()
}

struct Step<'a> {
    stepper: &'a mut Stepper,
    rate: f64,
    gradients: GradientsParams,
    scale: Option<Tensor<1>>,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(parameter.id) else {
            return parameter;
        };
        let shape = gradient.dims();
        let count = shape.iter().product::<usize>();
        let mut gradient = gradient.reshape([count]);
        let on_cpu = ops::has_kernels(&gradient.device());
        if let (Some(scale), false) = (&self.scale, on_cpu) {
            gradient = gradient * scale.clone();
        }
        let decayed = self.stepper.decay == Decay::All || D > 1;
        let id = parameter.id.val();
        let rate = self.rate * self.stepper.factors.get(&id).copied().unwrap_or(1.0);
        // The parameter's own tensor, so that the CPU writes the new value in the place of the old.
        parameter.map(|value| {
            let trained = value.is_require_grad();
            let value = value.inner().reshape([count]);
            let value = if on_cpu {
                let scale = self.scale.as_ref();
                let scale = scale.map_or(1.0, |scale| parameters::host(scale.clone())[0]);
                self.stepper.update_on_cpu(id, rate, decayed, value, gradient, scale)
            } else {
                self.stepper.update(id, rate, decayed, value, gradient)
            };
            Tensor::from_inner(value.reshape(shape)).set_require_grad(trained)
        })
    }
}

/// `min(1, clip / (norm + 1e-6))` over all gradients together, as PyTorch's `clip_grad_norm_`; `[1]`,
/// left on the device. `None` when there is no gradient.
fn clip_scale<M: Module>(model: &M, gradients: &GradientsParams, clip: f64) -> Option<Tensor<1>> {
    struct Norm<'a>(&'a GradientsParams, Option<Tensor<1>>);
    impl ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(parameter.id) {
                let squares = ordered_sum(gradient.square());
                self.1 = Some(match self.1.take() {
                    Some(sum) => sum + squares,
                    None => squares,
                });
            }
        }
    }
    let mut norm = Norm(gradients, None);
    model.visit(&mut norm);
    norm.1
        .map(|squares| ((squares.sqrt() + 1e-6).recip() * clip).clamp_max(1.0))
}

/// The gradients times a number.
pub fn scaled<M: Module>(model: &M, gradients: GradientsParams, factor: f64) -> GradientsParams {
    struct Scale(GradientsParams, GradientsParams, f64);
    impl ModuleVisitor for Scale {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.remove::<D>(parameter.id) {
                self.1.register(parameter.id, gradient * self.2);
            }
        }
    }
    let mut scale = Scale(gradients, GradientsParams::new(), factor);
    model.visit(&mut scale);
    scale.1
}
