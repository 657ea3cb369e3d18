//! Which tensors of a Hugging Face BERT or RoBERTa make up which parameter of the encoder.

use super::BertConfig;

/// One tensor of Hugging Face's `BertModel`.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Its name in today's terms, without the `bert.` or `roberta.` of models with a head.
    pub(super) name: String,
    /// Its shape there: linear weights are `[out, in]`.
    pub(super) shape: Vec<usize>,
}

impl Wanted {
    fn new(name: String, shape: &[usize]) -> Self {
        Self {
            name,
            shape: shape.to_vec(),
        }
    }

    /// How many numbers it holds.
    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }
}

/// What may stand before the names of an encoder's tensors, in any order: models with a head, and wrappers of data-parallel
/// and compiled training.
const PREFIXES: [&str; 9] = [
    "bert.",
    "roberta.",
    "model.",
    "module.",
    "_orig_mod.",
    "_forward_module.",
    "base_model.",
    "auto_model.",
    "backbone.",
];

/// Today's name of a tensor in a file, by [`Wanted::name`]: without those prefixes, and LayerNorm's parameters not as
/// TensorFlow calls them.
pub(super) fn today(name: &str) -> String {
    let mut rest = name;
    while let Some(inner) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = inner;
    }
    for (old, new) in [
        ("LayerNorm.gamma", "LayerNorm.weight"),
        ("LayerNorm.beta", "LayerNorm.bias"),
    ] {
        if let Some(stem) = rest.strip_suffix(old) {
            return format!("{stem}{new}");
        }
    }
    rest.to_owned()
}

/// One parameter of the encoder and the tensors it is made of, side by side along the last dimension.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// Its path in the encoder.
    pub(super) path: String,
    /// The tensors: three for `query_key_value`, otherwise one.
    pub(super) tensors: Vec<Wanted>,
    /// Whether each tensor is a linear weight, `[out, in]` in the file and `[in, out]` here.
    pub(super) transposed: bool,
    /// Rows at its beginning that the encoder has no use for.
    pub(super) unused: usize,
}

impl Parameter {
    fn whole(path: String, name: String, shape: &[usize]) -> Self {
        Self {
            path,
            tensors: vec![Wanted::new(name, shape)],
            transposed: false,
            unused: 0,
        }
    }
}

/// All parameters of the encoder without its pooler.
pub(super) fn encoder(config: &BertConfig) -> Vec<Parameter> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let mut all = Vec::new();
    for (table, entries) in [
        ("word", config.vocabulary),
        ("position", config.positions),
        ("token_type", config.token_types),
    ] {
        let whole = Parameter::whole(
            format!("embeddings.{table}"),
            format!("embeddings.{table}_embeddings.weight"),
            &[entries, hidden],
        );
        let unused = if table == "position" {
            config.first_position()
        } else {
            0
        };
        all.push(Parameter { unused, ..whole });
    }
    norm(&mut all, "embeddings.norm", "embeddings.LayerNorm", hidden);
    for layer in 0..config.layers {
        let ours = |part: &str| format!("layers.{layer}.{part}");
        let theirs = |part: &str| format!("encoder.layer.{layer}.{part}");
        let attention = ["query", "key", "value"].map(|part| theirs(&format!("attention.self.{part}")));
        linear(&mut all, &ours("query_key_value"), &attention, hidden, hidden);
        let output = theirs("attention.output.dense");
        linear(&mut all, &ours("attention_output"), &[output], hidden, hidden);
        norm(
            &mut all,
            &ours("attention_norm"),
            &theirs("attention.output.LayerNorm"),
            hidden,
        );
        let widen = theirs("intermediate.dense");
        linear(&mut all, &ours("intermediate"), &[widen], hidden, intermediate);
        let narrow = theirs("output.dense");
        linear(&mut all, &ours("output"), &[narrow], intermediate, hidden);
        norm(&mut all, &ours("output_norm"), &theirs("output.LayerNorm"), hidden);
    }
    all
}

/// The pooler's parameters, which a file may lack.
pub(super) fn pooler(config: &BertConfig) -> Vec<Parameter> {
    let mut all = Vec::new();
    let dense = "pooler.dense".to_owned();
    linear(&mut all, "pooler", &[dense], config.hidden, config.hidden);
    all
}

fn norm(all: &mut Vec<Parameter>, path: &str, name: &str, size: usize) {
    for part in ["weight", "bias"] {
        all.push(Parameter::whole(
            format!("{path}.{part}"),
            format!("{name}.{part}"),
            &[size],
        ));
    }
}

fn linear(all: &mut Vec<Parameter>, path: &str, names: &[String], inputs: usize, outputs: usize) {
    let tensors = |part: &str, shape: &[usize]| {
        let tensor = |name: &String| Wanted::new(format!("{name}.{part}"), shape);
        names.iter().map(tensor).collect()
    };
    all.push(Parameter {
        path: format!("{path}.weight"),
        tensors: tensors("weight", &[outputs, inputs]),
        transposed: true,
        unused: 0,
    });
    all.push(Parameter {
        path: format!("{path}.bias"),
        tensors: tensors("bias", &[outputs]),
        transposed: false,
        unused: 0,
    });
}
