//! Scores and targets of a choice of codes, such as the procedure codes alone.

use super::input::check_shape;
use super::{Error, Scores, Targets};

/// An owned copy of some columns (and possibly fewer notes) of scores and targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Restricted {
    values: Vec<f32>,
    /// Gold codes, renumbered: column i is the i-th column kept.
    pub targets: Targets,
    /// Rows kept of the original notes, ascending.
    pub notes: Vec<usize>,
}

impl Restricted {
    /// The scores kept, row-major, in the new numbering of notes and codes.
    ///
    /// # Errors
    /// [`Error::Empty`] when no column or no note is left.
    pub fn scores(&self) -> Result<Scores<'_>, Error> {
        Scores::new(&self.values, self.notes.len(), self.targets.codes())
    }
}

/// Keeps `columns` (strictly ascending, so that the order of ties stays) of every note.
///
/// With `drop_notes_without_gold`, notes without a gold code among the columns are left out, as
/// EDIN does for its tables of diagnoses and of procedures: false positives on those notes vanish.
///
/// # Errors
/// [`Error::Shape`] when scores and targets disagree, [`Error::Columns`] for columns that do not
/// ascend or do not exist.
pub fn restrict(
    scores: &Scores,
    targets: &Targets,
    columns: &[u32],
    drop_notes_without_gold: bool,
) -> Result<Restricted, Error> {
    check_shape(scores, targets)?;
    check_columns(columns, scores.codes())?;
    let mut kept = Restricted {
        values: Vec::new(),
        targets: Targets::from_rows(&[], columns.len())?,
        notes: Vec::new(),
    };
    let mut gold_rows = Vec::new();
    for note in 0..scores.notes() {
        let place = |code: &u32| columns.binary_search(code).ok();
        let gold = targets.row(note).iter().filter_map(place).map(|place| place as u32);
        let gold: Vec<u32> = gold.collect();
        if drop_notes_without_gold && gold.is_empty() {
            continue;
        }
        let row = scores.row(note);
        kept.values.extend(columns.iter().map(|&column| row[column as usize]));
        kept.notes.push(note);
        gold_rows.push(gold);
    }
    kept.targets = Targets::from_rows(&gold_rows, columns.len())?;
    Ok(kept)
}

fn check_columns(columns: &[u32], codes: usize) -> Result<(), Error> {
    let mut next = 0;
    for (position, &column) in columns.iter().enumerate() {
        if column < next || column as usize >= codes {
            return Err(Error::Columns {
                position,
                column,
                codes,
            });
        }
        next = column.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{CodeScore, Options, TieOrder, evaluate};
    use super::*;

    /// 4 notes x 4 codes; note 0 has no gold code among columns 1 and 3, and one false positive.
    const VALUES: [f32; 16] = [
        0.9, 0.2, 0.4, 0.6, //
        0.8, 0.7, 0.3, 0.2, //
        0.7, 0.4, 0.1, 0.1, //
        0.3, 0.1, 0.2, 0.8,
    ];

    fn gold() -> Targets {
        Targets::from_rows(&[vec![0, 2], vec![0, 1], vec![1], vec![3]], 4).unwrap()
    }

    fn options() -> Options {
        Options {
            threshold: 0.5,
            at_k: vec![1],
            ties: TieOrder::HigherIndexFirst,
        }
    }

    fn keep(columns: &[u32], drop_notes_without_gold: bool) -> Result<Restricted, Error> {
        restrict(&Scores::new(&VALUES, 4, 4)?, &gold(), columns, drop_notes_without_gold)
    }

    #[test]
    fn dropping_notes_without_gold_drops_their_false_positives() {
        let kept = keep(&[1, 3], true).unwrap();
        let scores = kept.scores().unwrap();
        assert_eq!(kept.notes, [1, 2, 3]);
        assert_eq!(scores.values(), [0.7, 0.2, 0.4, 0.1, 0.1, 0.8]);
        assert_eq!([0, 1, 2].map(|note| kept.targets.row(note).to_vec()), [[0], [0], [1]]);
        let evaluation = evaluate(&scores, &kept.targets, &options()).unwrap();
        assert_eq!(evaluation.scores["micro-precision"], 1.0);

        let all = keep(&[1, 3], false).unwrap();
        assert_eq!(all.notes, [0, 1, 2, 3]);
        let evaluation = evaluate(&all.scores().unwrap(), &all.targets, &options()).unwrap();
        assert_eq!(evaluation.scores["micro-precision"], 2.0 / 3.0);
    }

    #[test]
    fn codes_keep_their_own_scores_when_no_note_is_dropped() {
        let whole = evaluate(&Scores::new(&VALUES, 4, 4).unwrap(), &gold(), &options()).unwrap();
        let kept = keep(&[1, 3], false).unwrap();
        let part = evaluate(&kept.scores().unwrap(), &kept.targets, &options()).unwrap();
        for (new, old) in [(0, 1), (1, 3)] {
            let renumbered = CodeScore {
                column: new,
                ..whole.per_code[old].clone()
            };
            assert_eq!(part.per_code[new as usize], renumbered);
        }
    }

    #[test]
    fn nothing_left_is_an_error_when_it_is_scored() {
        let nothing_gold = Targets::from_rows(&[vec![0], vec![0]], 2).unwrap();
        let scores = Scores::new(&VALUES[..4], 2, 2).unwrap();
        let kept = restrict(&scores, &nothing_gold, &[1], true).unwrap();
        assert_eq!(kept.scores().unwrap_err(), Error::Empty { notes: 0, codes: 1 });
    }
}
