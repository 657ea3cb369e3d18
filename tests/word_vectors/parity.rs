//! The first steps beside `tests/reference/word_vectors.py`, whose word2vec is gensim's to 1e-6.

use std::path::Path;

use icdbench::word_vectors::{Batch, Drawn, Network, Sigmoid, Space, StarSpace, Tree, Word2Vec};
use serde::Deserialize;
use serde::de::DeserializeOwned;

const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Word2VecCase {
    settings: Word2Vec,
    counts: Vec<u64>,
    start: Vec<f32>,
    drawn: DrawnFixture,
    /// Of each word, the inner nodes from the root and the branch taken there; empty without the softmax.
    paths: Vec<Vec<(u32, u8)>>,
    /// Vectors, and what negative sampling and the tree compare with.
    exact: [Vec<f32>; 3],
    table: [Vec<f32>; 3],
}

#[derive(Deserialize)]
struct DrawnFixture {
    words: Vec<u32>,
    ends: Vec<usize>,
    narrower: Vec<u32>,
    negatives: Vec<u32>,
}

#[derive(Deserialize)]
struct StarSpaceCase {
    settings: StarSpace,
    words: usize,
    rate: f32,
    start: Vec<f32>,
    batches: Vec<BatchFixture>,
}

#[derive(Deserialize)]
struct BatchFixture {
    bags: Vec<Vec<(u32, u32)>>,
    labels: Vec<u32>,
    drawn: Vec<u32>,
    loss: f32,
    rows: Vec<f32>,
}

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/word_vectors");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let apart = found.iter().zip(expected).map(|(one, other)| (one - other).abs());
    let worst = apart.fold(0.0, f32::max);
    assert!(worst <= TOLERANCE, "{what}: {worst} apart");
}

#[test]
fn word2vecs_first_steps_are_the_restatements_and_gensims() {
    let cases: Vec<Word2VecCase> = fixture("word2vec.json");
    assert_eq!(cases.len(), 7);
    for case in cases {
        let drawn = Drawn {
            words: case.drawn.words,
            ends: case.drawn.ends,
            narrower: case.drawn.narrower,
            negatives: case.drawn.negatives,
        };
        for (sigmoid, expected) in [(Sigmoid::Exact, &case.exact), (Sigmoid::Table, &case.table)] {
            let settings = Word2Vec {
                sigmoid,
                ..case.settings.clone()
            };
            let mut network = Network::new(&settings, &case.counts, &case.start);
            network.learn(&drawn, settings.alpha as f32);
            let words = case.counts.len();
            let what = format!("{settings:?}");
            close(&network.vectors(words), &expected[0], &what);
            let [outputs, nodes] = network.outputs(words);
            close(&outputs, &expected[1], &what);
            close(&nodes, &expected[2], &what);
        }
    }
}

#[test]
fn the_tree_is_gensims_where_there_is_one_only() {
    let cases: Vec<Word2VecCase> = fixture("word2vec.json");
    let with_paths: Vec<&Word2VecCase> = cases.iter().filter(|case| !case.paths.is_empty()).collect();
    assert_eq!(with_paths.len(), 4);
    for case in with_paths {
        let tree = Tree::new(&case.counts);
        for (word, path) in case.paths.iter().enumerate() {
            let found: Vec<(u32, u8)> = tree
                .path(word as u32)
                .iter()
                .map(|&(node, second)| (node, second.into()))
                .collect();
            assert_eq!(&found, path, "word {word}");
        }
    }
}

#[test]
fn starspaces_first_batches_are_the_restatements() {
    let cases: Vec<StarSpaceCase> = fixture("starspace.json");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let mut space = Space::new(&case.settings, case.words, &case.start);
        for fixture in &case.batches {
            let batch = Batch {
                bags: fixture.bags.iter().map(Vec::as_slice).collect(),
                labels: fixture.labels.clone(),
                drawn: fixture.drawn.clone(),
            };
            let loss = space.learn(&batch, case.rate);
            let what = format!("{:?}", case.settings);
            assert!(
                (loss - fixture.loss).abs() <= TOLERANCE,
                "{what}: {loss} {}",
                fixture.loss
            );
            close(
                &space.vectors(fixture.rows.len() / case.settings.dimension),
                &fixture.rows,
                &what,
            );
        }
    }
}
