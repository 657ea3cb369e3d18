//! Pretrained word vectors in the text format of word2vec and GloVe, aligned to a word vocabulary.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Tokenizer, TokenizerKind};

/// Whether vectors are rescaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VectorScale {
    /// As the file has them.
    AsRead,
    /// CAML (Mullenbach et al. 2018, `load_embeddings`): each vector over its Euclidean length plus 1e-6.
    UnitRows,
}

/// An embedding table for a word vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    /// Columns.
    pub dimension: usize,
    /// Row-major `[size, dimension]`; rows of words that the file lacks are 0, as are those of padding and
    /// unknown. What unknown words start from differs between systems (CAML: random, of unit length), so the
    /// model decides.
    pub values: Vec<f32>,
    /// By id: whether the file has the word.
    pub found: Vec<bool>,
}

impl WordVectors {
    /// Reads `word v1 v2 ...` lines, separated by spaces or tabs, with or without a first line
    /// `count dimension` (a first line of two whole numbers is taken as such). Words outside the vocabulary
    /// are skipped, the first of two lines for the same word counts, as in gensim.
    ///
    /// # Errors
    /// When the tokenizer has no words, the file cannot be read, a line has another number of values than
    /// `dimension` or a value that is not a finite number, or the file is shorter than its first line says.
    pub fn read(path: &Path, tokenizer: &Tokenizer, dimension: usize, scale: VectorScale) -> Result<Self, Error> {
        if tokenizer.kind() != TokenizerKind::Words {
            return Err(Error::NotWords {
                found: tokenizer.kind().name(),
            });
        }
        let mut vectors = Self {
            dimension,
            values: vec![0.0; tokenizer.size() * dimension],
            found: vec![false; tokenizer.size()],
        };
        let mut announced = None;
        let mut read = 0;
        for_each_line(path, |line, text| {
            let place = Place { path, line, dimension };
            let mut fields = text.split([' ', '\t']).filter(|field| !field.is_empty());
            if line == 1 {
                announced = header(text);
                if let Some((_, found)) = announced {
                    return place.check_announced_dimension(found);
                }
            }
            let Some(word) = fields.next() else {
                return Ok(()); // An empty line, as at the end of some files.
            };
            let values = place.values(fields)?;
            read += 1;
            if let Some(id) = tokenizer.id(word) {
                vectors.set(id as usize, &values, scale);
            }
            Ok(())
        })?;
        match announced {
            Some((expected, _)) if expected != read => Err(Error::VectorCount {
                path: path.to_owned(),
                found: read,
                expected,
            }),
            _ => Ok(vectors),
        }
    }

    /// How many words of the vocabulary the file has; padding and unknown never count.
    pub fn found_words(&self) -> usize {
        self.found.iter().filter(|found| **found).count()
    }

    /// The `dimension` numbers of a token id; those of words that the file lacks are 0.
    ///
    /// # Panics
    /// When the id is not below the vocabulary's size.
    pub fn row(&self, id: u32) -> &[f32] {
        &self.values[id as usize * self.dimension..][..self.dimension]
    }

    fn set(&mut self, id: usize, values: &[f64], scale: VectorScale) {
        if std::mem::replace(&mut self.found[id], true) {
            return;
        }
        let divisor = match scale {
            VectorScale::AsRead => 1.0,
            VectorScale::UnitRows => values.iter().map(|value| value * value).sum::<f64>().sqrt() + 1e-6,
        };
        let row = &mut self.values[id * self.dimension..][..self.dimension];
        for (place, value) in row.iter_mut().zip(values) {
            *place = (value / divisor) as f32;
        }
    }
}

/// What errors name. The word itself is left out: it may come from a note.
struct Place<'a> {
    path: &'a Path,
    line: usize,
    dimension: usize,
}

impl Place<'_> {
    fn check_announced_dimension(&self, found: usize) -> Result<(), Error> {
        if found == self.dimension {
            return Ok(());
        }
        Err(Error::VectorDimension {
            path: self.path.to_owned(),
            found,
            expected: self.dimension,
        })
    }

    fn values<'a>(&self, fields: impl Iterator<Item = &'a str>) -> Result<Vec<f64>, Error> {
        let fields: Vec<&str> = fields.collect();
        if fields.len() != self.dimension {
            return Err(Error::VectorLength {
                path: self.path.to_owned(),
                line: self.line,
                found: fields.len(),
                expected: self.dimension,
            });
        }
        let parse = |(column, field): (usize, &&str)| {
            let value = field.parse::<f64>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| Error::VectorValue {
                path: self.path.to_owned(),
                line: self.line,
                column: column + 1,
                expected: self.dimension,
            })
        };
        fields.iter().enumerate().map(parse).collect()
    }
}

/// `count dimension`, if that is what the line is.
fn header(line: &str) -> Option<(usize, usize)> {
    let (count, dimension) = line.trim().split_once([' ', '\t'])?;
    Some((count.parse().ok()?, dimension.trim_start().parse().ok()?))
}

/// Reads line by line: vector files are larger than memory ought to hold twice.
fn for_each_line(path: &Path, mut each: impl FnMut(usize, &str) -> Result<(), Error>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        what: "word vectors",
        source,
    };
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if file.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::NotUtf8 {
            path: path.to_owned(),
            line,
        })?;
        each(line, text.trim_end_matches(['\r', '\n']))?;
    }
    Ok(())
}
