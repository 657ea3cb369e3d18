//! Rare and frequent codes in numbers, as tables 3 and 4 of BERT-XML have them: the mean area of the codes below 2,000 training
//! notes, and the area of the most frequent codes one by one.

use super::changes::percent;
use super::codes::CodeTable;
use super::longest::{longest, withholds};
use super::scores::with_slug;
use super::spread::{Spread, UNFINISHED};
use super::summary::{LengthSummary, TaskSummary};
use super::table::{Cell, Column, Number, Row, Table, grouped, length_word};

/// Training notes below which a code counts as rare in BERT-XML's table 3.
const RARE: u32 = 2000;
/// The most frequent codes that are shown.
const FREQUENT: usize = 20;

const WITHHELD: &str = "Codes whose counts are withheld, as they are small, are not in it.";

/// Mean ROC-AUC of the codes that `keep` keeps, over the seeds.
fn macro_auc(cell: &LengthSummary<'_>, keep: impl Fn(u32) -> bool) -> Option<Spread> {
    cell.spread(|outcome| {
        let kept = outcome.codes.iter().filter(|row| keep(row.training));
        let areas: Vec<f64> = kept.filter_map(|row| row.roc_auc).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
    })
}

/// Macro-ROC-AUC of the rare codes beside that of all; `None` where all codes are rare or none is, since it would say nothing.
pub fn rare_table(task: &TaskSummary<'_>) -> Option<Table> {
    let table = CodeTable::of(task);
    let with_area = |row: &&super::codes::CodeScores| row.roc_auc.iter().any(Option::is_some);
    let all = table.rows.iter().filter(with_area).count();
    let rare = table
        .rows
        .iter()
        .filter(with_area)
        .filter(|row| row.training < RARE)
        .count();
    if rare == 0 || rare == all {
        return None;
    }
    let column = |title: String, key: &str| Column {
        group: "Macro-ROC-AUC (%)".into(),
        title,
        key: key.to_owned(),
    };
    let rows = longest(task).into_iter().map(|run| {
        let cells = [
            macro_auc(run.cell, |training| training < RARE),
            macro_auc(run.cell, |_| true),
        ];
        let cells = cells.map(|value| value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, percent))));
        let labels = vec![task.runs[run.run].label.clone(), length_word(run.length)];
        Row::new(labels, cells.to_vec()).of_unfinished(run.cell.unfinished())
    });
    let mut table = Table {
        id: with_slug("rare", &task.slug),
        caption: format!(
            "Codes with fewer than {} training notes, {}",
            grouped(u64::from(RARE)),
            task.title
        ),
        stub: vec!["run".into(), "length".into()],
        columns: vec![
            column(format!("{} rare codes", grouped(rare as u64)), "rare"),
            column(format!("all {} codes", grouped(all as u64)), "all"),
        ],
        rows: rows.collect(),
        foot: vec!["Each run at its longest scored length; codes that have an area (BERT-XML, table 3).".to_owned()],
    };
    if withholds(task) {
        table.foot.push(WITHHELD.to_owned());
    }
    table.mark_best(&[true, true], false);
    Some(table)
}

/// ROC-AUC of the most frequent codes by run; `None` where no code has one.
pub fn frequent_table(task: &TaskSummary<'_>) -> Option<Table> {
    let mut found = CodeTable::of(task);
    found.rows.retain(|row| row.roc_auc.iter().any(Option::is_some));
    found.rows.truncate(FREQUENT);
    if found.rows.is_empty() {
        return None;
    }
    let plain = |title: &str, key: &str| Column {
        group: String::new(),
        title: title.to_owned(),
        key: key.to_owned(),
    };
    let mut columns = vec![plain("training notes", "training-notes"), plain("scored notes", "gold")];
    // In the order of the table's own runs.
    columns.extend(longest(task).iter().map(|run| {
        let length = run.length;
        let summary = &task.runs[run.run];
        Column {
            group: "ROC-AUC (%)".into(),
            title: format!("{}, {}", summary.legend(Some(length)), length_word(length)),
            key: format!("{} {length}", summary.label),
        }
    }));
    let rows = found.rows.iter().map(|row| {
        let counts = [row.training, row.gold].map(|count| Cell::Text(grouped(u64::from(count))));
        let areas = row.roc_auc.iter();
        let areas = areas.map(|value| value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, percent))));
        Row::new(vec![row.code.clone()], counts.into_iter().chain(areas).collect())
    });
    let mut foot = vec![format!(
        "The {} codes of the most training notes, each run at its longest scored length (BERT-XML, table 4); codes.csv has all.",
        found.rows.len()
    )];
    if longest(task).iter().any(|run| run.cell.unfinished()) {
        foot.push(format!("{UNFINISHED} had not finished learning."));
    }
    if withholds(task) {
        foot.push(WITHHELD.to_owned());
    }
    Some(Table {
        id: with_slug("frequent", &task.slug),
        caption: format!("ROC-AUC of the most frequent codes, {}", task.title),
        stub: vec!["code".into()],
        columns,
        rows: rows.collect(),
        foot,
    })
}
