//! The models by their names.

use super::bert_hier::BertHier;
use super::bert_trun::BertTrun;
use super::bert_xml::BertXml;
use super::bigru_attention::BigruAttention;
use super::caml::Caml;
use super::logistic_regression::LogisticRegression;
use super::long_bert::LongBert;
use super::model::Model;
use super::weights::Weights;
use crate::bench::protocol::{Failure, Load};

/// Names of the models.
pub const NAMES: [&str; 7] = [
    "logistic_regression",
    "bigru_attention",
    "caml",
    "bert_trun",
    "bert_hier",
    "bert_xml",
    "long_bert",
];

/// The model of a job with its weights.
///
/// # Errors
/// No such model, settings that are not computed here, weights that do not fit.
pub fn take(load: &Load, weights: &mut Weights) -> Result<Box<dyn Model>, Failure> {
    Ok(match load.model.as_str() {
        "logistic_regression" => Box::new(LogisticRegression::take(load, weights)?),
        "bigru_attention" => Box::new(BigruAttention::take(load, weights)?),
        "caml" => Box::new(Caml::take(load, weights)?),
        "bert_trun" => Box::new(BertTrun::take(load, weights)?),
        "bert_hier" => Box::new(BertHier::take(load, weights)?),
        "bert_xml" => Box::new(BertXml::take(load, weights)?),
        "long_bert" => Box::new(LongBert::take(load, weights)?),
        other => {
            let known = NAMES.join(", ");
            return Err(Failure::unsupported(format!(
                "model {other}: the engine candle has {known}"
            )));
        }
    })
}
