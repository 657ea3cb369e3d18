//! Starting an encoder from a pretrained one: every parameter is taken, or named in an error.
//!
//! What may differ: positions past the pretrained ones keep what was drawn for them, and pretrained ones past the
//! encoder's are left. So are rows of the pretrained tables that nothing asks for: of tokens beyond the vocabulary (many
//! pad their table to a round number), and of segment types, of which notes have one. A pooler is taken where both have
//! one: models differ in whether they read it, and files in whether they hold it.

use std::collections::BTreeMap;

use super::config::EncoderConfig;
use crate::models::coding_model::Task;
use crate::models::parameters::Parameters;
use crate::models::pretrained_encoder::PretrainedEncoder;

const POSITIONS: &str = "embeddings.position";
const WORDS: &str = "embeddings.word";
const TYPES: &str = "embeddings.token_type";
/// How the paths of parameters begin that only one side may have.
const POOLER: &str = "pooler.";

/// What keeps an encoder of these sizes from starting from the task's pretrained one, if it has one.
pub(super) fn check(config: &EncoderConfig, task: &Task) -> Result<(), String> {
    let Some(pretrained) = &task.encoder else {
        return Ok(());
    };
    for (setting, found, expected) in [
        ("encoder.layers", config.layers, pretrained.layers),
        ("encoder.hidden", config.hidden, pretrained.hidden),
        ("encoder.heads", config.heads, pretrained.heads),
        ("encoder.intermediate", config.intermediate, pretrained.intermediate),
    ] {
        if found != expected {
            return Err(format!(
                "{setting} = {found} and the run's pretrained encoder has {expected}: write its own sizes"
            ));
        }
    }
    let (found, expected) = (config.norm_epsilon, pretrained.norm_epsilon);
    if found != expected {
        return Err(format!(
            "encoder.norm-epsilon = {found:e} and the run's pretrained encoder has {expected:e}: write its own, or a preset \
             of its kind"
        ));
    }
    let (found, expected) = (task.vocabulary, pretrained.vocabulary);
    if found > expected {
        return Err(format!(
            "the vocabulary has {found} tokens and the run's pretrained encoder {expected}: use its own vocabulary"
        ));
    }
    check_parameters(pretrained)
}

/// The names and shapes of the parameters: those of an encoder of its own sizes.
fn check_parameters(pretrained: &PretrainedEncoder) -> Result<(), String> {
    let given = &pretrained.parameters;
    let pooler = given.keys().any(|path| path.starts_with(POOLER));
    let expected = shapes(pretrained, pooler);
    let mut problems = Vec::new();
    for (path, expected) in &expected {
        match given.get(path) {
            None => problems.push(format!("it lacks {path}")),
            Some(found) if found.shape != *expected => {
                problems.push(format!("its {path} has shape {:?}, expected {expected:?}", found.shape));
            }
            Some(_) => {}
        }
    }
    let extra = given.keys().filter(|path| !expected.contains_key(*path));
    problems.extend(extra.map(|path| format!("it holds {path}, which no encoder has")));
    match problems.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "the run's pretrained encoder is not one of its own sizes: {}. Use another",
            problems.join("; ")
        )),
    }
}

/// The shape of every parameter of an encoder of these sizes, by its path below the encoder.
fn shapes(sizes: &PretrainedEncoder, pooler: bool) -> BTreeMap<String, Vec<usize>> {
    let (hidden, intermediate) = (sizes.hidden, sizes.intermediate);
    let mut tables = vec![
        (WORDS.to_owned(), sizes.vocabulary),
        (POSITIONS.to_owned(), sizes.positions),
        (TYPES.to_owned(), sizes.token_types),
    ];
    let mut norms = vec!["embeddings.norm".to_owned()];
    let mut linears = Vec::new();
    for layer in 0..sizes.layers {
        let part = |name: &str| format!("layers.{layer}.{name}");
        norms.extend([part("attention_norm"), part("output_norm")]);
        linears.extend([
            (part("query_key_value"), hidden, 3 * hidden),
            (part("attention_output"), hidden, hidden),
            (part("intermediate"), hidden, intermediate),
            (part("output"), intermediate, hidden),
        ]);
    }
    if pooler {
        linears.push(("pooler".to_owned(), hidden, hidden));
    }
    let tables = tables.drain(..).map(|(path, rows)| (path, vec![rows, hidden]));
    let norms = norms
        .iter()
        .flat_map(|path| ["weight", "bias"].map(|part| (format!("{path}.{part}"), vec![hidden])));
    let linears = linears.iter().flat_map(|(path, inputs, outputs)| {
        let weight = (format!("{path}.weight"), vec![*inputs, *outputs]);
        [weight, (format!("{path}.bias"), vec![*outputs])]
    });
    tables.chain(norms).chain(linears).collect()
}

/// An encoder's `own` parameters, by their paths below it, with the pretrained ones in their places.
///
/// # Panics
/// When one is lacking, left over or of another shape, which [`check`] refuses.
pub(super) fn fill(mut own: Parameters, pretrained: &PretrainedEncoder) -> Parameters {
    let given = &pretrained.parameters;
    for (path, own) in &mut own {
        let Some(given) = given.get(path) else {
            assert!(path.starts_with(POOLER), "the pretrained encoder lacks {path}");
            continue;
        };
        let (found, expected) = (&given.shape, &own.shape);
        let rows_fit = match path.as_str() {
            POSITIONS | TYPES => true,
            WORDS => found[0] >= expected[0],
            _ => found[0] == expected[0],
        };
        assert!(
            found.len() == expected.len() && found[1..] == expected[1..] && rows_fit,
            "the pretrained {path} has shape {found:?}, expected {expected:?}"
        );
        let count = own.values.len().min(given.values.len());
        own.values[..count].copy_from_slice(&given.values[..count]);
    }
    let taken = |path: &str| own.contains_key(path) || path.starts_with(POOLER);
    let left: Vec<&String> = given.keys().filter(|path| !taken(path)).collect();
    assert!(
        left.is_empty(),
        "no parameter of the encoder takes the pretrained {left:?}"
    );
    own
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::tensor::Device;

    use super::*;
    use crate::contain::{panic_message, quietly};
    use crate::models::bert::config::TOKEN_TYPES;
    use crate::models::bert::encoder::Encoder;
    use crate::models::initialise::Initialiser;
    use crate::models::parameters;

    const VOCABULARY: usize = 11;

    fn own(pooler: bool) -> Parameters {
        let task = Task {
            vocabulary: VOCABULARY,
            ..Task::default()
        };
        let mut initialiser = Initialiser::new(1, &Device::flex());
        parameters::read(&Encoder::init(
            &EncoderConfig::smallest(),
            &task,
            pooler,
            &mut initialiser,
        ))
    }

    /// A pretrained encoder with those parameters, whose sizes are the smallest encoder's.
    fn with(parameters: Parameters) -> PretrainedEncoder {
        let sizes = EncoderConfig::smallest();
        PretrainedEncoder {
            vocabulary: VOCABULARY,
            hidden: sizes.hidden,
            layers: sizes.layers,
            heads: sizes.heads,
            intermediate: sizes.intermediate,
            positions: sizes.positions,
            token_types: TOKEN_TYPES,
            norm_epsilon: sizes.norm_epsilon,
            parameters,
        }
    }

    fn checked(pretrained: &PretrainedEncoder) -> Result<(), String> {
        let task = Task {
            vocabulary: VOCABULARY,
            encoder: Some(Arc::new(pretrained.clone())),
            ..Task::default()
        };
        check(&EncoderConfig::smallest(), &task)
    }

    #[test]
    fn the_expected_names_and_shapes_are_those_of_an_encoder() {
        for pooler in [false, true] {
            let own = own(pooler);
            let found: BTreeMap<String, Vec<usize>> = own
                .iter()
                .map(|(path, own)| (path.clone(), own.shape.clone()))
                .collect();
            assert_eq!(shapes(&with(own), pooler), found);
        }
    }

    #[test]
    fn a_pooler_is_taken_where_both_have_one() {
        for (has, given) in [(true, true), (true, false), (false, true)] {
            let mut pretrained = own(given);
            pretrained.values_mut().for_each(|given| given.values.fill(7.0));
            let pretrained = with(pretrained);
            assert_eq!(checked(&pretrained), Ok(()));
            let drawn = own(has);
            for (path, values) in fill(drawn.clone(), &pretrained) {
                match path.starts_with(POOLER) && !given {
                    true => assert_eq!(values, drawn[&path], "{path}"),
                    false => assert!(values.values.iter().all(|&value| value == 7.0), "{path}"),
                }
            }
        }
    }

    #[test]
    fn rows_that_nothing_asks_for_are_left() {
        for (path, more) in [(WORDS, 3), (TYPES, 2), (TYPES, -1)] {
            let drawn = own(false);
            let mut pretrained = with(drawn.clone());
            pretrained.vocabulary += if path == WORDS { 3 } else { 0 };
            let table = pretrained.parameters.get_mut(path).unwrap();
            let rows = table.shape[0].checked_add_signed(more).unwrap();
            if path == TYPES {
                pretrained.token_types = rows;
            }
            let values = vec![7.0; rows * table.shape[1]];
            *table = parameters::Values {
                shape: vec![rows, table.shape[1]],
                values,
            };
            assert_eq!(checked(&pretrained), Ok(()), "{path} {more}");
            let filled = fill(drawn.clone(), &pretrained);
            assert_eq!(filled[path].shape, drawn[path].shape);
            let given = filled[path].values.len().min(pretrained.parameters[path].values.len());
            assert!(filled[path].values[..given].iter().all(|&value| value == 7.0), "{path}");
            assert_eq!(filled[path].values[given..], drawn[path].values[given..]);
        }
        let fewer = with(own(false));
        let task = Task {
            vocabulary: VOCABULARY + 1,
            encoder: Some(Arc::new(fewer)),
            ..Task::default()
        };
        let problem = check(&EncoderConfig::smallest(), &task).unwrap_err();
        assert!(
            problem.contains("12 tokens and the run's pretrained encoder 11"),
            "{problem}"
        );
    }

    #[test]
    fn a_lacking_an_extra_and_a_misshapen_parameter_are_named_and_never_skipped() {
        let damaged = |damage: &dyn Fn(&mut Parameters)| {
            let mut parameters = own(true);
            damage(&mut parameters);
            with(parameters)
        };
        let cases = [
            (
                damaged(&|all| drop(all.remove("layers.1.output.bias"))),
                "lacks layers.1.output.bias",
            ),
            (
                damaged(&|all| {
                    let another = all["layers.1.output.bias"].clone();
                    all.insert("layers.2.output.bias".into(), another);
                }),
                "layers.2.output.bias",
            ),
            (
                damaged(&|all| all.get_mut("embeddings.position").unwrap().shape.reverse()),
                "embeddings.position has shape [8, 40], expected [40, 8]",
            ),
            (
                damaged(&|all| all.get_mut("layers.0.intermediate.weight").unwrap().shape.reverse()),
                "layers.0.intermediate.weight has shape [12, 8], expected [8, 12]",
            ),
        ];
        for (pretrained, words) in &cases {
            let problem = checked(pretrained).unwrap_err();
            assert!(problem.contains(words), "{words:?} is not in: {problem}");
            // Nor does an encoder start from it where nobody checked.
            let panic = quietly(|| fill(own(true), pretrained)).0.unwrap_err();
            let message = panic_message(panic.as_ref());
            assert!(message.contains(words), "{words:?} is not in: {message}");
        }
        let half = damaged(&|all| drop(all.remove("pooler.bias")));
        assert!(checked(&half).unwrap_err().contains("lacks pooler.bias"));
    }
}
