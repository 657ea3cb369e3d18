//! A model's parameters by name, as plain numbers: what checkpoints hold and hashes are made of.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

/// A parameter's numbers and their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Sizes of its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub values: Vec<f32>,
}

/// Every parameter by its path in the module, such as `head.queries`.
pub type Parameters = BTreeMap<String, Values>;

/// Reads all parameters of a module to the host.
pub fn read<M: Module>(module: &M) -> Parameters {
    let mut reader = Reader::default();
    module.visit(&mut reader);
    reader.parameters
}

/// The path of every parameter, by id.
pub fn paths<M: Module>(module: &M) -> BTreeMap<u64, String> {
    let mut reader = PathReader::default();
    module.visit(&mut reader);
    reader.paths
}

/// Reads gradients to the host, by the paths of their parameters.
pub fn gradients<M: Module>(module: &M, gradients: GradientsParams) -> Parameters {
    let mut reader = GradientReader {
        paths: paths(module),
        gradients,
        found: Parameters::new(),
    };
    module.visit(&mut reader);
    reader.found
}

/// How many numbers all parameters hold, those that are not trained included.
pub fn count<M: Module>(module: &M) -> u64 {
    module.num_params() as u64
}

/// The module with the given parameter values.
///
/// # Errors
/// A parameter without values, values of another shape, or values that no parameter takes: the name, found and expected.
pub fn write<M: Module>(module: M, mut parameters: Parameters) -> Result<M, String> {
    let mut writer = Writer {
        path: Path::default(),
        parameters: &mut parameters,
        problem: None,
    };
    let module = module.map(&mut writer);
    if let Some(problem) = writer.problem {
        return Err(problem);
    }
    match parameters.first_key_value() {
        Some((name, _)) => Err(format!("holds {name}, which this model does not have")),
        None => Ok(module),
    }
}

/// Where a visitor is in the module. The variant names of enums are left out, so that `Model` and
/// the model inside have the same names.
#[derive(Default)]
struct Path(Vec<Option<String>>);

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        let shown = !container.starts_with("Enum:");
        self.0.push(shown.then(|| name.to_owned()));
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        let parts: Vec<&str> = self.0.iter().flatten().map(String::as_str).collect();
        parts.join(".")
    }
}

#[derive(Default)]
struct Reader {
    path: Path,
    parameters: Parameters,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let tensor = parameter.val();
        let values = Values {
            shape: tensor.dims().to_vec(),
            values: host(tensor),
        };
        self.parameters.insert(self.path.name(), values);
    }
}

#[derive(Default)]
struct PathReader {
    path: Path,
    paths: BTreeMap<u64, String>,
}

impl ModuleVisitor for PathReader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.paths.insert(parameter.id.val(), self.path.name());
    }
}

struct GradientReader {
    paths: BTreeMap<u64, String>,
    gradients: GradientsParams,
    found: Parameters,
}

impl ModuleVisitor for GradientReader {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(parameter.id) {
            let shape = gradient.dims().to_vec();
            let values = host(gradient);
            self.found
                .insert(self.paths[&parameter.id.val()].clone(), Values { shape, values });
        }
    }
}

struct Writer<'a> {
    path: Path,
    parameters: &'a mut Parameters,
    problem: Option<String>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let Some(found) = self.parameters.remove(&name) else {
            self.problem.get_or_insert(format!("lacks {name}"));
            return parameter;
        };
        let expected = parameter.val().dims();
        if found.shape != expected {
            let problem = format!("{name} has shape {:?}, expected {expected:?}", found.shape);
            self.problem.get_or_insert(problem);
            return parameter;
        }
        let device = parameter.val().device();
        set(
            parameter,
            Tensor::from_data(TensorData::new(found.values, expected), &device),
        )
    }
}

/// The parameter with another value, still a trained leaf where it was one.
pub fn set<const D: usize>(parameter: Param<Tensor<D>>, value: Tensor<D>) -> Param<Tensor<D>> {
    let trained = parameter.val().is_require_grad();
    let (id, _, mapper): (ParamId, _, _) = parameter.consume();
    Param::from_mapped_value(id, value.detach().set_require_grad(trained), mapper)
}

/// A tensor's elements on the host, row-major.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    // OK because the data was just converted to f32.
    data.try_into_vec::<f32>().expect("f32 data")
}
