//! Going on from an encoder that was pretrained elsewhere.

use burn::tensor::Device;
use icdbench::models::parameters;
use icdbench::pretrained::PretrainedBert;
use icdbench::pretraining::{Pretraining, PretrainingModel};

use super::{as_start, fixture, given, settings, tokenizer, undisturbed};

/// The settings of the fixture's encoder, with so many positions.
fn of_fixture(positions: usize) -> Pretraining {
    let mut settings = settings();
    let encoder = format!(
        "layers = 2\nhidden = 8\nheads = 2\nintermediate = 12\npositions = {positions}\ndropout = 0.1\nattention-dropout = 0.1\n\
         initializer-range = 0.02"
    );
    settings.encoder = toml::from_str(&encoder).unwrap();
    settings
}

#[test]
fn all_parameters_are_the_starts_and_positions_past_its_own_are_drawn() {
    let settings = of_fixture(3_000);
    let read = PretrainedBert::read(&fixture("weights"), None).unwrap();
    let expected = read.clone();
    let start = as_start(read);
    let model = PretrainingModel::init(&settings, tokenizer().size(), Some(&start), &Device::flex()).unwrap();
    let mut found = parameters::read(&model);
    for (path, values) in expected.heads {
        assert_eq!(found.remove(&path), Some(values), "{path}");
    }
    for (path, expected) in expected.parameters {
        let found = found.remove(&format!("encoder.{path}")).unwrap();
        let own = expected.values.len();
        assert_eq!(found.values[..own], expected.values, "{path}");
        let drawn = &found.values[own..];
        assert_eq!(
            drawn.len(),
            if path == "embeddings.position" {
                (3_000 - 20) * 8
            } else {
                0
            }
        );
        if !drawn.is_empty() {
            let square = |value: &f32| f64::from(*value).powi(2);
            let deviation = (drawn.iter().map(square).sum::<f64>() / drawn.len() as f64).sqrt();
            assert!((deviation / 0.02 - 1.0).abs() < 0.02, "{deviation}");
        }
    }
    assert!(found.is_empty(), "{:?}", found.keys());
}

#[test]
fn heads_that_a_start_lacks_are_drawn() {
    let settings = of_fixture(20);
    let mut start = as_start(PretrainedBert::read(&fixture("weights"), None).unwrap());
    let with = PretrainingModel::init(&settings, 28, Some(&start), &Device::flex()).unwrap();
    start.heads.clear();
    let without = PretrainingModel::init(&settings, 28, Some(&start), &Device::flex()).unwrap();
    let (with, without) = (parameters::read(&with), parameters::read(&without));
    assert_eq!(with["encoder.pooler.weight"], without["encoder.pooler.weight"]);
    assert_ne!(with["transform.weight"], without["transform.weight"]);
    assert!(without["bias"].values.iter().all(|&value| value == 0.0));
}

#[test]
fn what_is_exported_goes_on_where_it_was() {
    let settings = settings();
    let given = given(&settings, 20);
    let first = undisturbed(&settings, &given, None);
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("encoder");
    first.write(&directory, &given.tokenizer).unwrap();
    let start = as_start(PretrainedBert::read(&directory, None).unwrap());
    let second = undisturbed(&settings, &given, Some(&start));
    let losses =
        |look: &icdbench::pretraining::Look| (look.mlm_loss, look.nsp_loss, look.mlm_accuracy, look.nsp_accuracy);
    assert_eq!(
        losses(&second.facts.looks[0]),
        losses(first.facts.looks.last().unwrap())
    );
}

#[test]
fn a_start_of_other_sizes_is_refused() {
    let mut settings = of_fixture(20);
    settings.encoder.layers = 3;
    let start = as_start(PretrainedBert::read(&fixture("weights"), None).unwrap());
    let problem = PretrainingModel::init(&settings, 28, Some(&start), &Device::flex()).unwrap_err();
    assert!(problem.contains("encoder.layers = 3"), "{problem}");
    let problem = PretrainingModel::init(&of_fixture(20), 29, Some(&start), &Device::flex()).unwrap_err();
    assert!(problem.contains("29 tokens"), "{problem}");
}
