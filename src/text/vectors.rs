//! Word vectors aligned to a word vocabulary; from a file in the formats of word2vec and GloVe, or trained here.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Tokenizer, TokenizerKind, files};

/// Whether vectors are rescaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VectorScale {
    /// As the file, or training, has them.
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
    /// By id: whether the word has a vector.
    pub found: Vec<bool>,
}

impl WordVectors {
    /// Reads the text format of word2vec and GloVe, `word v1 v2 ...` lines, separated by spaces or tabs, with or without a
    /// first line `count dimension` (a first line of two whole numbers is taken as such); the last `dimension` fields are
    /// the values, so a word may hold spaces. Or the binary format of word2vec, which is told from text by its content.
    /// Words outside the vocabulary are skipped, the first of two vectors for the same word counts, as in gensim.
    ///
    /// # Errors
    /// When the tokenizer has no words, the file cannot be read, a line has another number of values than
    /// `dimension` or a value that is not a finite number, the file is shorter than its first line says, or it has no
    /// word of the vocabulary.
    pub fn read(path: &Path, tokenizer: &Tokenizer, dimension: usize, scale: VectorScale) -> Result<Self, Error> {
        if tokenizer.kind() != TokenizerKind::Words {
            return Err(Error::NotWords {
                found: tokenizer.kind().name(),
            });
        }
        if dimension == 0 || dimension > MOST_DIMENSIONS {
            return Err(Error::Setting {
                key: "word-vectors.dimension",
                found: dimension,
                expected: "1 to 65536",
            });
        }
        let mut file = VectorFile::open(path, dimension)?;
        let mut vectors = Self::empty(tokenizer, dimension);
        let mut read = 0;
        file.for_each(&mut |word, values| {
            read += 1;
            if let Some(id) = word.and_then(|word| tokenizer.id(word)) {
                vectors.set(id as usize, values, scale);
            }
        })?;
        match file.announced {
            Some(expected) if expected != read => Err(Error::VectorCount {
                path: path.to_owned(),
                found: read,
                expected,
            }),
            _ if vectors.found_words() == 0 => Err(Error::NoVector {
                path: path.to_owned(),
                words: tokenizer.words(),
                vectors: read,
            }),
            _ => Ok(vectors),
        }
    }

    /// Of vectors that were trained here, by their words. Words outside the vocabulary are skipped.
    pub fn of<'v>(
        tokenizer: &Tokenizer,
        dimension: usize,
        scale: VectorScale,
        vectors: impl Iterator<Item = (&'v str, &'v [f32])>,
    ) -> Self {
        let mut aligned = Self::empty(tokenizer, dimension);
        for (word, vector) in vectors {
            if let Some(id) = tokenizer.id(word) {
                let values: Vec<f64> = vector.iter().map(|&value| value.into()).collect();
                aligned.set(id as usize, &values, scale);
            }
        }
        aligned
    }

    fn empty(tokenizer: &Tokenizer, dimension: usize) -> Self {
        Self {
            dimension,
            values: vec![0.0; tokenizer.size() * dimension],
            found: vec![false; tokenizer.size()],
        }
    }

    /// How many words of the vocabulary have a vector; padding and unknown never count.
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

/// Above the dimension of any published vectors.
const MOST_DIMENSIONS: usize = 1 << 16;

/// The longest word, in bytes.
const LONGEST_WORD: usize = 1 << 16;

/// Bytes that one value may take as text.
const LONGEST_VALUE: usize = 64;

/// A file of word vectors behind its first line, if that announces what is in it.
struct VectorFile<'a> {
    path: &'a Path,
    dimension: usize,
    /// How many vectors the first line announces.
    announced: Option<usize>,
    input: BufReader<File>,
    binary: bool,
    /// Lines that were read.
    lines: usize,
    line: Vec<u8>,
}

impl<'a> VectorFile<'a> {
    fn open(path: &'a Path, dimension: usize) -> Result<Self, Error> {
        let input = File::open(path).map_err(|source| failed(path, source))?;
        let mut file = Self {
            path,
            dimension,
            announced: None,
            input: BufReader::with_capacity(1 << 20, input),
            binary: false,
            lines: 0,
            line: Vec::new(),
        };
        let start = file.input.fill_buf().map_err(|source| failed(path, source))?;
        if let Some(problem) = files::stand_in(start) {
            return Err(failed(path, io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        let first = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        if let Some((count, found)) = header(first) {
            if found != dimension {
                return Err(Error::VectorDimension {
                    path: path.to_owned(),
                    found,
                    expected: dimension,
                });
            }
            file.announced = Some(count);
            // Text holds no control characters; single floats hardly ever come without.
            let is_control = |byte: &u8| *byte < b' ' && !b"\t\r\n".contains(byte);
            let after = &start[first.len()..];
            file.binary = after[..after.len().min(4096)].iter().any(is_control);
            file.next_line()?;
        }
        Ok(file)
    }

    /// Gives each vector with its word; `None` for a word that cannot be in a vocabulary.
    fn for_each(&mut self, each: &mut dyn FnMut(Option<&str>, &[f64])) -> Result<(), Error> {
        match self.binary {
            true => self.for_each_binary(each),
            false => self.for_each_line(each),
        }
    }

    fn for_each_line(&mut self, each: &mut dyn FnMut(Option<&str>, &[f64])) -> Result<(), Error> {
        let mut values = Vec::with_capacity(self.dimension);
        let mut first = true;
        while self.next_line()? {
            let text = std::str::from_utf8(&self.line).map_err(|_| Error::NotUtf8 {
                path: self.path.to_owned(),
                line: self.lines,
            })?;
            let text = text.trim_end_matches(SEPARATORS);
            if text.is_empty() {
                continue; // As at the end of some files.
            }
            let word = self.cut(text, first)?;
            first = false;
            values.clear();
            for (column, field) in fields(&text[word.len()..]).enumerate() {
                let value = field.parse::<f64>().ok().filter(|value| (*value as f32).is_finite());
                values.push(value.ok_or_else(|| self.not_finite(format!("line {}", self.lines), column))?);
            }
            let word = word.trim_matches(SEPARATORS);
            each(Some(word).filter(|word| !word.is_empty()), &values);
        }
        Ok(())
    }

    /// What stands before the last `dimension` fields of a line.
    fn cut<'l>(&self, text: &'l str, first: bool) -> Result<&'l str, Error> {
        let found = fields(text).count();
        let wrong = |found| Error::VectorLength {
            path: self.path.to_owned(),
            line: self.lines,
            found,
            expected: self.dimension,
        };
        // A word may be a space, which is cut off where the line begins.
        let least = self.dimension + usize::from(!text.starts_with(SEPARATORS));
        if found < least {
            return Err(wrong(found.saturating_sub(1)));
        }
        let mut start = text.len();
        for _ in 0..self.dimension {
            let before = text[..start].trim_end_matches(SEPARATORS);
            start = before.rfind(SEPARATORS).map_or(0, |at| at + 1);
        }
        let word = &text[..start];
        // A word may end in a number; that the very first does means vectors of another dimension.
        let last = fields(word).skip(1).last();
        if first && self.announced.is_none() && last.is_some_and(|field| field.parse::<f64>().is_ok()) {
            return Err(wrong(found - 1));
        }
        Ok(word)
    }

    /// Reads the next line, without its end; whether there was one.
    fn next_line(&mut self) -> Result<bool, Error> {
        self.line.clear();
        let most = LONGEST_WORD + LONGEST_VALUE * self.dimension;
        let mut part = (&mut self.input).take(most as u64);
        let read = part.read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| failed(self.path, source))?;
        self.lines += 1;
        if read == most {
            return Err(Error::VectorLength {
                path: self.path.to_owned(),
                line: self.lines,
                found: self.line.split(|byte| b" \t".contains(byte)).count(),
                expected: self.dimension,
            });
        }
        while self.line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            self.line.pop();
        }
        Ok(read > 0)
    }

    fn for_each_binary(&mut self, each: &mut dyn FnMut(Option<&str>, &[f64])) -> Result<(), Error> {
        let mut bytes = vec![0; 4 * self.dimension];
        let mut values = vec![0f64; self.dimension];
        for vector in 0..self.announced.unwrap_or_default() {
            let short = Error::VectorCount {
                path: self.path.to_owned(),
                found: vector,
                expected: self.announced.unwrap_or_default(),
            };
            self.line.clear();
            let mut part = (&mut self.input).take(LONGEST_WORD as u64);
            let read = part.read_until(b' ', &mut self.line);
            read.map_err(|source| failed(self.path, source))?;
            if self.line.pop() != Some(b' ') {
                return Err(short);
            }
            match self.input.read_exact(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(short),
                read => read.map_err(|source| failed(self.path, source))?,
            }
            let (numbers, _) = bytes.as_chunks::<4>();
            for (column, (value, number)) in values.iter_mut().zip(numbers).enumerate() {
                *value = f32::from_le_bytes(*number).into();
                if !value.is_finite() {
                    return Err(self.not_finite(format!("vector {}", vector + 1), column));
                }
            }
            // Some programs end a vector with a line end.
            let word = self.line.strip_prefix(b"\n").unwrap_or(self.line.as_slice());
            each(std::str::from_utf8(word).ok(), &values);
        }
        Ok(())
    }

    /// The word itself is left out: it may come from a note.
    fn not_finite(&self, place: String, column: usize) -> Error {
        Error::VectorValue {
            path: self.path.to_owned(),
            place,
            column: column + 1,
            expected: self.dimension,
        }
    }
}

const SEPARATORS: [char; 2] = [' ', '\t'];

fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split(SEPARATORS).filter(|field| !field.is_empty())
}

/// `count dimension`, if that is what the line is.
fn header(line: &[u8]) -> Option<(usize, usize)> {
    let line = std::str::from_utf8(line).ok()?;
    let (count, dimension) = line.trim().split_once(SEPARATORS)?;
    Some((count.parse().ok()?, dimension.trim_start().parse().ok()?))
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Read {
        path: path.to_owned(),
        what: "word vectors",
        source,
    }
}
