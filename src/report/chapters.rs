//! Micro-F1 by chapter of the ICD: where in medicine a model is good.

use std::collections::BTreeMap;

use super::changes::percent;
use super::icd::{Version, chapter};
use super::scores::with_slug;
use super::spread::Spread;
use super::summary::{LengthSummary, TaskSummary};
use super::table::{Cell, Column, Number, Row, Table, grouped, length_word};
use crate::record::{CodeRow, SmallCounts};

/// Gold pairs of a chapter, and micro-F1 in it by run.
#[derive(Default)]
struct Chapter {
    codes: usize,
    gold: u64,
    f1: Vec<Vec<f64>>,
}

/// The table, each run at its longest scored length; `None` where nothing was scored, the codes are of no version of the ICD,
/// or all are of one chapter.
pub fn chapter_table(task: &TaskSummary<'_>) -> Option<Table> {
    let scored: Vec<(&str, u32, &LengthSummary<'_>)> = task
        .runs
        .iter()
        .filter_map(|run| {
            let (length, cell) = run.longest()?;
            Some((run.label.as_str(), length, cell))
        })
        .collect();
    let codes = scored
        .iter()
        .flat_map(|(.., cell)| cell.outcomes())
        .flat_map(|outcome| &outcome.codes);
    let version = Version::of(codes.map(|row| row.code.as_str()))?;
    let mut chapters: BTreeMap<(usize, &'static str), Chapter> = BTreeMap::new();
    let mut withheld = false;
    for (index, (.., cell)) in scored.iter().enumerate() {
        for outcome in cell.outcomes() {
            withheld |= outcome.small_counts != SmallCounts::Shown;
            for (of, rows) in by_chapter(&outcome.codes, version) {
                let count = |of: fn(&CodeRow) -> u32| rows.iter().map(|row| u64::from(of(row))).sum::<u64>();
                let (tp, fp, missed) = (count(|row| row.tp), count(|row| row.fp), count(|row| row.fn_));
                let chapter = chapters.entry(of).or_default();
                chapter.f1.resize(scored.len(), Vec::new());
                chapter.codes = chapter.codes.max(rows.len());
                chapter.gold = chapter.gold.max(tp + missed);
                if 2 * tp + fp + missed > 0 {
                    chapter.f1[index].push(2.0 * tp as f64 / (2 * tp + fp + missed) as f64);
                }
            }
        }
    }
    if chapters.len() < 2 {
        return None;
    }
    let plain = |title: String| Column {
        group: String::new(),
        key: title.clone(),
        title,
    };
    let mut columns = vec![plain("codes".into()), plain("gold pairs".into())];
    columns.extend(scored.iter().map(|(label, length, _)| Column {
        group: "micro-F1 (%)".into(),
        title: format!("{label}, {}", length_word(*length)),
        key: format!("{label} {length}"),
    }));
    let row = |((_, title), chapter): ((usize, &'static str), Chapter)| {
        let mut cells = vec![
            Cell::Text(grouped(chapter.codes as u64)),
            Cell::Text(grouped(chapter.gold)),
        ];
        cells.extend(chapter.f1.into_iter().zip(&scored).map(|(values, (.., cell))| {
            let number = Spread::of(values).map(|value| Cell::Number(Number::new(value, percent)));
            number.map_or(Cell::Empty, |number| number.of_records(cell.keys()))
        }));
        Row::new(vec![title.to_owned()], cells)
    };
    let mut foot =
        vec!["Each run at its longest scored length; chapters in the order of the classification.".to_owned()];
    if withheld {
        foot.push("Codes whose counts are withheld, as they are small, are not in it.".into());
    }
    Some(Table {
        id: with_slug("chapters", &task.slug),
        caption: format!("Micro-F1 by chapter of the ICD, {}", task.title),
        stub: vec!["chapter".into()],
        columns,
        rows: chapters.into_iter().map(row).collect(),
        foot,
    })
}

fn by_chapter(codes: &[CodeRow], version: Version) -> BTreeMap<(usize, &'static str), Vec<&CodeRow>> {
    let mut chapters: BTreeMap<(usize, &'static str), Vec<&CodeRow>> = BTreeMap::new();
    for row in codes {
        if let Some(of) = chapter(&row.code, version) {
            chapters.entry(of).or_default().push(row);
        }
    }
    chapters
}
