//! Numbers of a table that need no training: sizes of models.

use burn::tensor::Device;

use crate::models::bert::{Encoder, EncoderConfig};
use crate::models::label_attention::LabelAttention;
use crate::models::parameters::{self, count};
use crate::models::{Initialiser, Task};
use crate::published::{Column, Computed, Row};

/// What was computed for a cell.
pub(super) enum Value {
    /// A size, a probability.
    Number(f64),
    /// A name.
    Word(String),
}

/// The number of a cell; `None` where nothing computes it.
pub(super) fn computed(computed: &Computed, row: &Row, column: &Column) -> Option<Value> {
    match computed {
        Computed::LongBertParameters { preset, vocabulary } => {
            let counted = long_bert(preset, *vocabulary, column.codes?, row.part.as_deref()?)?;
            Some(Value::Number(counted as f64))
        }
        Computed::EncoderSizes => encoder(row.preset.as_deref()?, &column.name),
    }
}

/// Parameters of a part of LongBERT for so many codes. The language model counts BERT's pooler, as the paper does.
fn long_bert(preset: &str, vocabulary: usize, codes: usize, part: &str) -> Option<u64> {
    let config = EncoderConfig::preset(preset).ok()?;
    let initialiser = || Initialiser::new(1, &Device::flex());
    let language_model = || {
        let task = Task {
            vocabulary,
            cls: Some(0),
            separator: Some(1),
            ..Task::default()
        };
        count(&Encoder::init(&config, &task, true, &mut initialiser()))
    };
    let head = || LabelAttention::init(codes, config.hidden, 512, &mut initialiser());
    let sizes = |wanted: &[&str]| {
        let parts = parameters::read(&head());
        let wanted = parts.iter().filter(|(path, _)| wanted.contains(&path.as_str()));
        wanted.map(|(_, values)| values.values.len() as u64).sum::<u64>()
    };
    match part {
        "language-model" => Some(language_model()),
        "attention" => Some(sizes(&["queries"])),
        "classification" => Some(sizes(&["weight", "bias"])),
        "total" => Some(language_model() + count(&head())),
        _ => None,
    }
}

/// A size of an encoder by the name of the column.
fn encoder(preset: &str, column: &str) -> Option<Value> {
    let config = EncoderConfig::preset(preset).ok()?;
    let size = |size: usize| Some(Value::Number(size as f64));
    match column {
        "hidden-size" => size(config.hidden),
        "layers" => size(config.layers),
        "attention-heads" => size(config.heads),
        "intermediate-size" => size(config.intermediate),
        "max-len" => size(config.positions),
        "hidden-dropout" => Some(Value::Number(config.dropout)),
        "attention-dropout" => Some(Value::Number(config.attention_dropout)),
        // The only one that an encoder of this program has.
        "activation-function" => Some(Value::Word("gelu".into())),
        _ => None,
    }
}
