//! How deep the parameters of an encoder lie, for learning rates that differ by layer.

use crate::models::coding_model::Depth;

/// How deep the parameter of that path lies in a model that holds its [`Encoder`](super::Encoder) in the field `field`:
/// what such a model's [`CodingModel::depth`](crate::models::CodingModel::depth) is.
pub fn depth(field: &str, path: &str) -> Depth {
    let Some(inside) = path.strip_prefix(field).and_then(|rest| rest.strip_prefix('.')) else {
        return Depth::Head;
    };
    let mut steps = inside.split('.');
    match (steps.next(), steps.next().map(str::parse)) {
        (Some("embeddings"), _) => Depth::Embeddings,
        (Some("layers"), Some(Ok(layer))) => Depth::Layer(layer),
        _ => Depth::Top,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_field_lies_in_the_encoder_and_any_other_in_the_head() {
        for (path, expected) in [
            ("reader.embeddings.word", Depth::Embeddings),
            ("reader.layers.11.output.bias", Depth::Layer(11)),
            ("reader.pooler.weight", Depth::Top),
            ("reader_norm.weight", Depth::Head),
            ("head.layers.0.weight", Depth::Head),
            ("layers.0.weight", Depth::Head),
        ] {
            assert_eq!(depth("reader", path), expected, "{path}");
        }
    }
}
