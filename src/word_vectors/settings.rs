//! What a suite says of training word vectors. The names are those of the programs that defined them, with dashes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Above the dimension of any published vectors.
const MOST_DIMENSIONS: usize = 1 << 16;
/// Wider than any text needs, and more negatives than any word needs.
const MOST_AROUND: u32 = 1 << 10;
/// More than any training needs.
const MOST_EPOCHS: u32 = 100_000;

/// What predicts what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// The words around a word, together, predict it.
    Cbow,
    /// Each word around a word predicts it.
    SkipGram,
}

/// How likely a decision is taken to be, where the product of two vectors is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sigmoid {
    /// `1 / (1 + e^-x)`.
    Exact,
    /// What the table of word2vec's own program and of gensim has for it: 1,000 points from -6 to 6, of which 0 meets one for
    /// -0.024, as the points of a unit are counted in whole numbers (83, where they are 83.3).
    Table,
}

/// word2vec: `train = { word2vec = { .. } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Word2Vec {
    /// What predicts what.
    pub architecture: Architecture,
    /// Length of a vector.
    pub dimension: usize,
    /// Passes over the texts.
    pub epochs: u32,
    /// Most words to each side that belong together; for each word it is drawn anew from 1 to this.
    pub window: u32,
    /// Words that occur less often have no vector, and are taken out of the texts before all else.
    pub min_count: u64,
    /// Share of all words from which on a word is so frequent that some of its occurrences are passed over; 0 for none.
    pub sample: f64,
    /// Words drawn as negatives beside each predicted word; 0 for no negative sampling.
    pub negative: u32,
    /// Negatives are drawn with probabilities proportional to a word's count to this power.
    pub ns_exponent: f64,
    /// Whether words are predicted through a Huffman tree; together with negative sampling both are learnt.
    pub hierarchical_softmax: bool,
    /// CBOW: whether the words around are averaged, where their sum would be taken.
    pub cbow_mean: bool,
    /// Learning rate at the start.
    pub alpha: f64,
    /// Learning rate at the end; it falls in a line, every 10,000 words.
    pub min_alpha: f64,
    /// Vectors start uniform between minus this and this, over their dimension: 0.5 in word2vec and gensim to 3, 1.0 in
    /// gensim 4.
    pub initial: f64,
    /// How likely a decision is taken to be.
    pub sigmoid: Sigmoid,
    /// What the start, passed-over words, windows and negatives are drawn from.
    pub seed: u64,
    /// Parts of the data set whose texts are read beside the training notes; none that has a role.
    pub unlabelled: Vec<String>,
}

/// How StarSpace compares a note with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// The cosine of their vectors.
    Cosine,
    /// The product of their vectors, a note's being the sum of its words' over their number to the power `p`.
    Dot,
}

/// What StarSpace learns from a note's code and drawn ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `max(0, margin - similarity of the code + similarity of a drawn one)`.
    Hinge,
    /// Minus the logarithm of the code's softmax among the drawn ones, of products whatever the similarity.
    Softmax,
}

/// StarSpace with a note's words on one side and one of its codes on the other (its `trainMode 0`):
/// `train = { starspace = { .. } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StarSpace {
    /// Length of a vector.
    pub dimension: usize,
    /// Passes over the notes; in each, one code of each note is drawn.
    pub epochs: u32,
    /// Words that occur less often have no vector.
    pub min_count: u64,
    /// What is learnt from.
    pub loss: Loss,
    /// How a note is compared with a code.
    pub similarity: Similarity,
    /// Hinge: by how much a code is to be more similar than drawn ones.
    pub margin: f64,
    /// Codes drawn for each batch, each a code of a note that is drawn too.
    pub neg_search_limit: u32,
    /// Hinge: most drawn codes that a note learns from, the first that are too similar.
    pub max_neg_samples: u32,
    /// Notes of a batch, which share the drawn codes.
    pub batch_size: u32,
    /// Learning rate at the start; it falls in a line to 1e-9, every 1,000 notes and after each epoch.
    pub lr: f64,
    /// Whether each row's rate falls with the squares of its gradients.
    pub adagrad: bool,
    /// Similarity `dot`: a bag's vector is the sum of its words' over their number to this power.
    pub p: f64,
    /// Standard deviation of the vectors at the start.
    pub init_rand_sd: f64,
    /// Greatest length of a vector; longer ones are cut to it after each batch.
    pub norm: f64,
    /// What the start, the order of notes, codes and negatives are drawn from.
    pub seed: u64,
}

/// The key of a setting that cannot be, and the problem.
type Checked = Result<(), (&'static str, String)>;

impl Word2Vec {
    /// The first setting that cannot be.
    ///
    /// # Errors
    /// Its key, with what was found and what was expected.
    pub fn check(&self) -> Checked {
        check_sizes(self.dimension, self.epochs)?;
        within("window", self.window, 1, MOST_AROUND)?;
        within("negative", self.negative, 0, MOST_AROUND)?;
        if self.negative == 0 && !self.hierarchical_softmax {
            let problem =
                "0 without hierarchical-softmax leaves nothing to learn from: expected 1 or more, or the softmax";
            return Err(("negative", problem.into()));
        }
        number(
            "sample",
            self.sample,
            (0.0..1.0).contains(&self.sample),
            "at least 0 and below 1",
        )?;
        number(
            "ns-exponent",
            self.ns_exponent,
            self.ns_exponent.abs() <= 10.0,
            "between -10 and 10",
        )?;
        positive("alpha", self.alpha)?;
        let falls = self.min_alpha > 0.0 && self.min_alpha <= self.alpha;
        number("min-alpha", self.min_alpha, falls, "above 0 and at most alpha")?;
        positive("initial", self.initial)?;
        let twice = |(index, part): (usize, &String)| self.unlabelled[..index].contains(part);
        match self.unlabelled.iter().enumerate().any(twice) {
            true => Err(("unlabelled", "names a part twice".into())),
            false => Ok(()),
        }
    }
}

impl StarSpace {
    /// The first setting that cannot be.
    ///
    /// # Errors
    /// Its key, with what was found and what was expected.
    pub fn check(&self) -> Checked {
        check_sizes(self.dimension, self.epochs)?;
        number("margin", self.margin, self.margin >= 0.0, "at least 0")?;
        within("neg-search-limit", self.neg_search_limit, 1, 1 << 20)?;
        within("max-neg-samples", self.max_neg_samples, 1, 1 << 20)?;
        within("batch-size", self.batch_size, 1, 1 << 20)?;
        number("lr", self.lr, self.lr > 1e-9, "above 1e-9")?;
        number("p", self.p, self.p.abs() <= 10.0, "between -10 and 10")?;
        positive("init-rand-sd", self.init_rand_sd)?;
        positive("norm", self.norm)
    }
}

fn check_sizes(dimension: usize, epochs: u32) -> Checked {
    if dimension == 0 || dimension > MOST_DIMENSIONS {
        return Err(("dimension", format!("{dimension}: expected 1 to {MOST_DIMENSIONS}")));
    }
    within("epochs", epochs, 1, MOST_EPOCHS)
}

fn within(key: &'static str, found: u32, least: u32, most: u32) -> Checked {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err((key, format!("{found}: expected {least} to {most}"))),
    }
}

fn positive(key: &'static str, found: f64) -> Checked {
    number(key, found, found > 0.0, "above 0")
}

fn number(key: &'static str, found: f64, fits: bool, expected: &str) -> Checked {
    match fits && found.is_finite() {
        true => Ok(()),
        false => Err((key, format!("{found}: expected a number {expected}"))),
    }
}
