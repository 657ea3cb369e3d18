//! Freshly drawn parameters. Each parameter has a random stream of its own, drawn on the host, so
//! that the same seed gives the same weights on every device.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws the parameters of one model, in the order in which they are asked for.
#[derive(Debug)]
pub struct Initialiser {
    seed: u64,
    parameters: u64,
    device: Device,
}

impl Initialiser {
    /// An initialiser for one model on one device.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            seed,
            parameters: 0,
            device: device.clone(),
        }
    }

    /// The device the parameters go to.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A parameter with the given row-major values.
    pub fn values<const D: usize>(&mut self, shape: [usize; D], values: Vec<f32>) -> Param<Tensor<D>> {
        self.parameters += 1;
        // Ids that count from 1 and not Burn's random ones: nothing about a model may differ between runs.
        let id = ParamId::from(self.parameters);
        let tensor = Tensor::from_data(TensorData::new(values, shape), &self.device);
        let mut parameter = Param::initialized(id, tensor);
        parameter = parameter.set_require_grad(true);
        parameter
    }

    /// All elements equal to `value`.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.values(shape, vec![value; shape.iter().product()])
    }

    /// Uniform in `[-bound, bound)`.
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        let mut generator = self.stream();
        let values = (0..shape.iter().product())
            .map(|_| (bound * (2.0 * unit(&mut generator) - 1.0)) as f32)
            .collect();
        self.values(shape, values)
    }

    /// Xavier (Glorot) uniform: bound `sqrt(6 / (fan_in + fan_out))`.
    pub fn xavier_uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
    ) -> Param<Tensor<D>> {
        self.uniform(shape, (6.0 / (fan_in + fan_out) as f64).sqrt())
    }

    /// Normal with mean 0.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], deviation: f64) -> Param<Tensor<D>> {
        let values = self.normal_values(shape.iter().product(), deviation);
        self.values(shape, values)
    }

    /// The values of [`normal`](Self::normal), for a parameter of which some rows are set otherwise.
    pub fn normal_values(&mut self, count: usize, deviation: f64) -> Vec<f32> {
        let mut generator = self.stream();
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            // Box-Muller: two normals from two uniforms, the first kept away from 0.
            let radius = (-2.0 * (1.0 - unit(&mut generator)).ln()).sqrt() * deviation;
            let angle = std::f64::consts::TAU * unit(&mut generator);
            values.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
        }
        values.truncate(count);
        values
    }

    fn stream(&self) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(self.parameters);
        generator
    }
}

/// Uniform in `[0, 1)` with 53 bits.
fn unit(generator: &mut ChaCha8Rng) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
