//! What a suite needs before any compute: notes in their roles, labels, tokens, tasks, and the cells
//! with their keys. Everything that can be wrong with a suite's settings is found here.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cell::{Cell, all_inputs, cell_inputs, describe, grid, key_of};
use super::salt::Salt;
use crate::data::{self, Corpus, Division, LabelSet, Note, Registry};
use crate::models::Task;
use crate::models::coding_model::WordVectors;
use crate::suite::{Run, Suite, TextChoice};
use crate::text::{self, TokenCache, TokenStore, Tokenizer};
use crate::train::Examples;

/// Fingerprints of what the data and the tokenizer turned out to be.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) data: String,
    pub(super) titles: String,
    pub(super) labels: String,
    pub(super) tokenizer: String,
    pub(super) word_vectors: String,
    pub(super) salt: String,
}

/// Why a suite cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data set.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Tokenizer, vocabulary or word vectors.
    #[error("[text.{name}]: {source}")]
    Text {
        /// The suite's name of it.
        name: String,
        /// What is wrong.
        source: text::Error,
    },
    /// A model's settings.
    #[error("run {run:?}, length {length}: {problem}")]
    Model {
        /// The run's title.
        run: String,
        /// The sequence length.
        length: u32,
        /// What was found and what was expected.
        problem: String,
    },
    /// A note without tokens.
    #[error(
        "[text.{text}]: {role} note {position} of {all} has no token left after normalising: such a note cannot be \
         scored. Use another `normalise` recipe, or take the note out of the data set"
    )]
    EmptyNote {
        /// The suite's name of the tokenizer.
        text: String,
        /// `training`, `validation` or `evaluation`.
        role: &'static str,
        /// From 1, in the data set's order.
        position: usize,
        /// Notes in that role.
        all: usize,
    },
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
}

/// Places and choices that do not belong to the suite.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    /// Where data sets lie.
    pub data: Option<&'a Path>,
    /// Records, weights, checkpoints.
    pub results: &'a Path,
    /// Token caches.
    pub cache: &'a Path,
    /// The device class.
    pub device: &'a str,
}

/// A suite's cells and, where its data can be had, all they need.
pub struct Plan {
    /// The suite.
    pub suite: Suite,
    /// In the order of the suite: runs, then lengths, then seeds.
    pub cells: Vec<Cell>,
    /// The data; or why every cell is skipped.
    pub prepared: Result<Prepared, String>,
}

/// Everything that the cells of a suite share.
pub struct Prepared {
    /// The codes, by column.
    pub labels: LabelSet,
    /// The notes in their roles.
    pub division: Division,
    /// Tokens and task, by the suite's name of the text choice.
    pub text: BTreeMap<String, TextData>,
    /// Columns of each training note's gold codes.
    pub training_gold: Vec<Vec<u32>>,
    /// Of each validation note's.
    pub validation_gold: Vec<Vec<u32>>,
    /// Of each evaluation note's.
    pub evaluation_gold: Vec<Vec<u32>>,
    /// What notes are named by.
    pub salt: Salt,
}

/// The notes as one tokenizer sees them.
pub struct TextData {
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Training notes.
    pub training: TokenStore,
    /// Validation notes.
    pub validation: TokenStore,
    /// Evaluation notes.
    pub evaluation: TokenStore,
    /// What models are built for.
    pub task: Task,
    word_vectors: String,
}

impl Plan {
    /// Reads the data, fits labels and tokenizers on the training notes and lays out the cells.
    /// `notice` gets sentences for the user, such as that a cache file was rebuilt.
    ///
    /// # Errors
    /// Anything that would keep a cell from running, but for an evaluation part without codes: then
    /// every cell is skipped, with the reason.
    pub fn make(
        suite: Suite,
        registry: &Registry,
        places: &Places,
        notice: &mut dyn FnMut(String),
    ) -> Result<Self, Error> {
        let corpus = data::load(&suite.data, places.data, registry)?;
        let division = match corpus.divide(&suite.division) {
            Err(data::Error::Uncoded { part, reason }) if part == suite.division.evaluation => {
                let reason = format!("the part {part:?} has no codes to score against: {reason}");
                return Ok(Self::skipped(suite, places.device, reason));
            }
            division => division?,
        };
        let (labels, division) = division.label(&suite.labels.rule, suite.labels.unseen_codes)?;
        let salt = if corpus.credentialed {
            Salt::of_directory(places.results).map_err(|source| Error::Io {
                path: places.results.join("salt"),
                source,
            })?
        } else {
            Salt::public()
        };
        let mut text = BTreeMap::new();
        for (name, choice) in &suite.text {
            if suite.runs.iter().any(|run| run.text == *name) {
                let data = TextData::make(name, choice, &corpus, &division, &labels, places.cache, notice)?;
                text.insert(name.clone(), data);
            }
        }
        let gold = |notes: &[Arc<Note>]| notes.iter().map(|note| labels.columns(&note.codes)).collect();
        let prepared = Prepared {
            training_gold: gold(division.fit.notes()),
            validation_gold: gold(&division.validation),
            evaluation_gold: gold(&division.evaluation),
            labels,
            division,
            text,
            salt,
        };
        let cells = prepared.cells(&suite, &corpus, places.device)?;
        Ok(Self {
            suite,
            cells,
            prepared: Ok(prepared),
        })
    }

    fn skipped(suite: Suite, device: &str, reason: String) -> Self {
        let cells = grid(&suite)
            .map(|(index, run, length, seed)| {
                let mut inputs = cell_inputs(&suite, run, length, seed, device);
                inputs.insert("skipped".into(), serde_json::json!(reason));
                Cell {
                    run: index,
                    length,
                    seed,
                    description: describe(&suite, run, length, seed, device),
                    key: key_of(&inputs),
                    inputs,
                }
            })
            .collect();
        Self {
            suite,
            cells,
            prepared: Err(reason),
        }
    }
}

impl Prepared {
    fn cells(&self, suite: &Suite, corpus: &Corpus, device: &str) -> Result<Vec<Cell>, Error> {
        grid(suite)
            .map(|(index, run, length, seed)| {
                let text = &self.text[&run.text];
                run.model
                    .check(&text.task, length as usize)
                    .map_err(|problem| Error::Model {
                        run: run.title().into(),
                        length,
                        problem,
                    })?;
                let found = Inputs {
                    data: corpus.fingerprint.clone(),
                    titles: corpus.titles_fingerprint(),
                    labels: self.labels.fingerprint(),
                    tokenizer: text.tokenizer.fingerprint().into(),
                    word_vectors: text.word_vectors.clone(),
                    salt: self.salt.fingerprint(),
                };
                let inputs = all_inputs(cell_inputs(suite, run, length, seed, device), run, &found);
                Ok(Cell {
                    run: index,
                    length,
                    seed,
                    description: describe(suite, run, length, seed, device),
                    key: key_of(&inputs),
                    inputs,
                })
            })
            .collect()
    }

    /// The training notes as a run's tokenizer sees them.
    pub fn training(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].training,
            gold: &self.training_gold,
        }
    }

    /// The validation notes.
    pub fn validation(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].validation,
            gold: &self.validation_gold,
        }
    }

    /// The evaluation notes.
    pub fn evaluation(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].evaluation,
            gold: &self.evaluation_gold,
        }
    }
}

impl TextData {
    fn make(
        name: &str,
        choice: &TextChoice,
        corpus: &Corpus,
        division: &Division,
        labels: &LabelSet,
        cache: &Path,
        notice: &mut dyn FnMut(String),
    ) -> Result<Self, Error> {
        let wrong = |source| Error::Text {
            name: name.into(),
            source,
        };
        let texts = |notes: &[Arc<Note>]| notes.iter().cloned().map(NoteText).collect::<Vec<_>>();
        let fit = texts(division.fit.notes());
        let tokenizer = Tokenizer::fit(&choice.settings(), &fit).map_err(wrong)?;
        let cache = TokenCache::new(cache.join("tokens"));
        let mut encode = |role: &'static str, texts: &[NoteText]| {
            let cached = cache.load_or_encode(&tokenizer, texts, &mut |_, _| {});
            for found in cached.notices {
                notice(found.to_string());
            }
            match cached.store.empty_notes().first() {
                Some(index) => Err(Error::EmptyNote {
                    text: name.into(),
                    role,
                    position: index + 1,
                    all: texts.len(),
                }),
                None => Ok(cached.store),
            }
        };
        let training = encode("training", &fit)?;
        let validation = encode("validation", &texts(&division.validation))?;
        let evaluation = encode("evaluation", &texts(&division.evaluation))?;
        let (vectors, word_vectors) = match &choice.word_vectors {
            None => (None, "none".to_owned()),
            Some(file) => {
                text::require_sha256(&file.file, &file.sha256).map_err(wrong)?;
                let read = text::WordVectors::read(&file.file, &tokenizer, file.dimension, file.scale);
                let read = read.map_err(wrong)?;
                let vectors = WordVectors {
                    dimension: read.dimension,
                    values: read.values,
                };
                (Some(vectors), file.sha256.clone())
            }
        };
        let describe = |code: &String| {
            corpus
                .title(code)
                .map_or_else(Vec::new, |title| tokenizer.encode(title))
        };
        let task = Task {
            codes: labels.fitted(),
            vocabulary: tokenizer.size(),
            padding: tokenizer.padding(),
            training_notes: training.len(),
            code_frequency: labels.train_frequency()[..labels.fitted()].to_vec(),
            document_frequency: tokenizer.document_frequency().map(<[u32]>::to_vec),
            count_scale: count_scale(&training, tokenizer.size()),
            descriptions: labels.codes()[..labels.fitted()].iter().map(describe).collect(),
            word_vectors: vectors,
        };
        Ok(Self {
            tokenizer,
            training,
            validation,
            evaluation,
            task,
            word_vectors,
        })
    }
}

/// A note seen as its text.
struct NoteText(Arc<Note>);

impl AsRef<str> for NoteText {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}

/// The root mean square of each token's count over the notes.
fn count_scale(notes: &TokenStore, vocabulary: usize) -> Vec<f32> {
    let mut squares = vec![0f64; vocabulary];
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for note in 0..notes.len() {
        counts.clear();
        for &token in notes.note(note, usize::MAX) {
            *counts.entry(token).or_default() += 1;
        }
        for (&token, &count) in &counts {
            squares[token as usize] += f64::from(count).powi(2);
        }
    }
    let notes = notes.len() as f64;
    squares.into_iter().map(|sum| (sum / notes).sqrt() as f32).collect()
}

/// Writes the bags of words of a plan's first text choice and length as svmlight files
/// (`train.svmlight`, `validation.svmlight`, `evaluation.svmlight`), so that other tools can be run on
/// the same features, labels and split. Word ids and counts derive from note text: the files are
/// under the same data use agreement as the notes.
///
/// # Errors
/// When a file cannot be written.
pub fn export_svmlight(prepared: &Prepared, run: &Run, length: u32, directory: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        source,
    })?;
    let parts = [
        ("train", prepared.training(run)),
        ("validation", prepared.validation(run)),
        ("evaluation", prepared.evaluation(run)),
    ];
    for (name, examples) in parts {
        let path = directory.join(format!("{name}.svmlight"));
        let io = |source| Error::Io {
            path: path.clone(),
            source,
        };
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).map_err(io)?);
        for (note, gold) in examples.gold.iter().enumerate() {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for &token in examples.tokens.note(note, length as usize) {
                *counts.entry(token).or_default() += 1;
            }
            let gold: Vec<String> = gold.iter().map(u32::to_string).collect();
            let words: String = counts.iter().map(|(word, count)| format!(" {word}:{count}")).collect();
            writeln!(file, "{}{words}", gold.join(",")).map_err(io)?;
        }
        file.flush().map_err(io)?;
    }
    Ok(())
}
