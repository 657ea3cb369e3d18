//! Random notes and codes in a file: the same for every engine.

use std::collections::BTreeMap;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// A note's codes, about as many as a MIMIC-III discharge summary has.
const GOLD_CODES: f64 = 16.0;

/// Several batches of notes of one width, each with its codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sets {
    /// Token ids of each note of each set, without padding.
    notes: Vec<Vec<Vec<i32>>>,
    /// 1 where a note has the code, row-major `[note, code]`, of each set.
    targets: Vec<Vec<u8>>,
    length: usize,
    codes: usize,
}

/// What a file of sets must be and is not.
#[derive(Debug, thiserror::Error)]
#[error("inputs: {0}")]
pub struct NoSets(String);

impl Sets {
    /// Sets of notes of so many tokens each (`lengths`: set, note), the same for the same seed. Tokens are drawn
    /// from the vocabulary without its first thousand entries, which are specials and unused in BERT's.
    pub fn random(lengths: &[Vec<usize>], vocabulary: usize, codes: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let first = (vocabulary / 2).min(1000);
        let span = (vocabulary - first) as u64;
        let share = (GOLD_CODES / codes as f64).min(0.5);
        let below = (share * f64::from(u32::MAX)) as u32;
        let mut notes = Vec::new();
        let mut targets = Vec::new();
        for lengths in lengths {
            let mut note = |&length: &usize| -> Vec<i32> {
                (0..length)
                    .map(|_| (first as u64 + random.next_u64() % span) as i32)
                    .collect()
            };
            notes.push(lengths.iter().map(&mut note).collect());
            let cells = lengths.len() * codes;
            targets.push((0..cells).map(|_| u8::from(random.next_u32() < below)).collect());
        }
        let length = lengths.iter().flatten().copied().max().unwrap_or(0).max(1);
        Self {
            notes,
            targets,
            length,
            codes,
        }
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// The notes of a set, without padding.
    pub fn notes(&self, set: usize) -> Option<&[Vec<i32>]> {
        self.notes.get(set).map(Vec::as_slice)
    }

    /// 1 where a note of a set has the code, row-major `[note, code]`.
    pub fn targets(&self, set: usize) -> Option<&[u8]> {
        self.targets.get(set).map(Vec::as_slice)
    }

    /// Writes them as [`protocol::Load::inputs`](super::protocol::Load) says.
    ///
    /// # Errors
    /// The system's own words.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let (sets, notes) = (self.len(), self.notes.first().map_or(0, Vec::len));
        let padded = |note: &Vec<i32>| {
            let mut row = note.clone();
            row.resize(self.length, 0);
            row
        };
        let tokens: Vec<u8> = bytes(self.notes.iter().flatten().flat_map(padded));
        let lengths: Vec<u8> = bytes(self.notes.iter().flatten().map(|note| note.len() as i32));
        let targets: Vec<u8> = self.targets.iter().flatten().copied().collect();
        let parts = [
            ("tokens", Dtype::I32, vec![sets, notes, self.length], &tokens),
            ("lengths", Dtype::I32, vec![sets, notes], &lengths),
            ("targets", Dtype::U8, vec![sets, notes, self.codes], &targets),
        ];
        let mut views = BTreeMap::new();
        for (name, dtype, shape, data) in parts {
            let view = TensorView::new(dtype, shape, data).map_err(std::io::Error::other)?;
            views.insert(name, view);
        }
        safetensors::serialize_to_file(views, None, path).map_err(std::io::Error::other)
    }

    /// Reads them.
    ///
    /// # Errors
    /// A file that cannot be read or is not as [`protocol::Load::inputs`](super::protocol::Load) says.
    pub fn read(path: &Path) -> Result<Self, NoSets> {
        let problem = |words: String| NoSets(words);
        let data = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
        let file = SafeTensors::deserialize(&data).map_err(|error| problem(error.to_string()))?;
        let part = |name: &str, dtype: Dtype, dimensions: usize| {
            let view = file.tensor(name).map_err(|_| problem(format!("`{name}` is missing")))?;
            if view.dtype() != dtype || view.shape().len() != dimensions {
                let (found, shape) = (view.dtype(), view.shape());
                return Err(problem(format!(
                    "`{name}` is {found:?} of shape {shape:?}; expected {dtype:?} of {dimensions} dimensions"
                )));
            }
            Ok(view)
        };
        let tokens = part("tokens", Dtype::I32, 3)?;
        let lengths = part("lengths", Dtype::I32, 2)?;
        let targets = part("targets", Dtype::U8, 3)?;
        let (&[sets, notes, length], &[.., codes]) = (tokens.shape(), targets.shape()) else {
            return Err(problem("no shapes".into()));
        };
        if sets == 0 || lengths.shape() != [sets, notes] || targets.shape() != [sets, notes, codes] {
            return Err(problem(
                "tokens, lengths and targets are not of the same sets and notes".into(),
            ));
        }
        let lengths = numbers(lengths.data());
        if let Some(found) = lengths.iter().find(|&&found| found < 0 || found as usize > length) {
            return Err(problem(format!("a note of {found} tokens; expected 0 to {length}")));
        }
        let rows = numbers(tokens.data());
        let rows = rows.chunks_exact(length.max(1)).zip(lengths);
        let rows: Vec<Vec<i32>> = rows.map(|(row, length)| row[..length as usize].to_vec()).collect();
        Ok(Self {
            notes: rows.chunks_exact(notes.max(1)).map(<[_]>::to_vec).collect(),
            targets: targets
                .data()
                .chunks_exact((notes * codes).max(1))
                .map(<[_]>::to_vec)
                .collect(),
            length,
            codes,
        })
    }
}

fn bytes(numbers: impl Iterator<Item = i32>) -> Vec<u8> {
    numbers.flat_map(i32::to_le_bytes).collect()
}

fn numbers(data: &[u8]) -> Vec<i32> {
    let number = |bytes: &[u8]| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    data.chunks_exact(4).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_come_back_from_their_file_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inputs.safetensors");
        let sets = Sets::random(&[vec![3, 0, 5], vec![1, 2, 4]], 50, 7, 1);
        sets.write(&path).unwrap();
        assert_eq!(Sets::read(&path).unwrap(), sets);
        assert_eq!(sets.notes(1).unwrap()[2].len(), 4);
        assert_eq!(sets.targets(0).unwrap().len(), 3 * 7);
        assert_eq!((sets.notes(2), sets.targets(2)), (None, None));
    }

    #[test]
    fn sets_differ_from_each_other_and_depend_on_the_seed_alone() {
        let of = |seed| Sets::random(&[vec![40], vec![40]], 3000, 50, seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1).notes(0), of(2).notes(0));
        assert_ne!(of(1).notes(0), of(1).notes(1));
        assert!(
            of(1).notes(0).unwrap()[0]
                .iter()
                .all(|&token| (1000..3000).contains(&token))
        );
    }

    #[test]
    fn a_file_that_is_something_else_is_refused_by_its_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inputs.safetensors");
        assert!(Sets::read(&path).is_err());
        let data = [0; 8];
        let view = TensorView::new(Dtype::F32, vec![2], &data).unwrap();
        safetensors::serialize_to_file([("tokens", view)], None, &path).unwrap();
        let error = Sets::read(&path).unwrap_err().to_string();
        assert!(
            error.contains("`tokens` is F32 of shape [2]; expected I32 of 3 dimensions"),
            "{error}"
        );
    }
}
