//! Tables as LaTeX. The fragment needs the packages `booktabs` and `graphicx`.

use super::escape::latex as escape;
use super::latex_letters;
use super::page::Page;
use super::scores::notes_in;
use super::spread::UNFINISHED;
use super::table::{Cell, Number, Row, Table, merged};

/// The tables of the page one after another, each a float with its notes, to be `\input` into a document.
pub fn page(page: &Page<'_>) -> String {
    let mut tables = String::new();
    for table_of_page in page.tables() {
        tables.push('\n');
        tables += &table(table_of_page, &notes_in(&[table_of_page], &page.summary));
    }
    let letters = letters_for(&tables);
    format!("% Needs \\usepackage{{booktabs}} and \\usepackage{{graphicx}}.\n{letters}{tables}")
}

/// The macro that some text needs for letters that LaTeX cannot set everywhere; empty for text without any.
pub fn letters_for(text: &str) -> &'static str {
    match text.contains(latex_letters::NAME) {
        true => latex_letters::MACRO,
        false => "",
    }
}

/// One table, shrunk to the line where it is wider.
pub fn table(table: &Table, notes: &[(usize, &str)]) -> String {
    let id = &table.id;
    let mut text = format!(
        "\\begin{{table*}}\n\\centering\n\\caption{{{}.}}\n\\label{{tab:{id}}}\n\\small\n",
        escape(&table.caption)
    );
    // A wide table is scaled down to the line, a narrow one is left as it is.
    text += "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n";
    text += &format!(
        "\\begin{{tabular}}{{{}{}}}\n\\toprule\n",
        "l".repeat(table.stub.len()),
        "r".repeat(table.columns.len())
    );
    text += &heading(table);
    for (index, row) in table.rows.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| &table.rows[before]);
        if previous.is_some_and(|previous| new_block(previous, row)) {
            text += "\\midrule\n";
        }
        text += &line(row);
    }
    text += "\\bottomrule\n\\end{tabular}}\n";
    let foot = table.foot.iter().map(|line| escape(line));
    let notes = notes
        .iter()
        .map(|(number, note)| format!("\\textsuperscript{{{number}}} {}", escape(note)));
    for line in foot.chain(notes) {
        text += &format!("\n\\par\\footnotesize {line}\n");
    }
    text + "\\end{table*}\n"
}

/// Whether a rule belongs between two rows: another length, or the reference row.
fn new_block(previous: &Row, row: &Row) -> bool {
    row.reference != previous.reference || (row.labels.len() > 1 && row.labels[0] != previous.labels[0])
}

fn heading(table: &Table) -> String {
    let mut text = String::new();
    let groups = table.groups();
    if groups.iter().any(|(group, _)| !group.is_empty()) {
        let mut cells = vec![String::new(); table.stub.len()];
        let mut rules = String::new();
        let mut first = table.stub.len() + 1;
        for (group, width) in groups {
            cells.push(format!("\\multicolumn{{{width}}}{{c}}{{{}}}", escape(group)));
            let last = first + width - 1;
            if !group.is_empty() {
                rules += &format!("\\cmidrule(lr){{{first}-{last}}}");
            }
            first = last + 1;
        }
        text += &format!("{} \\\\\n{rules}\n", cells.join(" & "));
    }
    let titles = table.columns.iter().map(|column| &column.title);
    let titles: Vec<String> = table.stub.iter().chain(titles).map(|title| escape(title)).collect();
    text + &format!("{} \\\\\n\\midrule\n", titles.join(" & "))
}

fn line(row: &Row) -> String {
    let mut cells: Vec<String> = row.labels.iter().map(|label| escape(label)).collect();
    if let (Some(label), Some((n, notes))) = (cells.last_mut(), &row.fewer_seeds) {
        *label += &format!(" ({n}){}", marks(notes));
    }
    if let (Some(label), true) = (cells.last_mut(), row.unfinished) {
        *label += &escape(&format!(" {UNFINISHED}"));
    }
    for (cell_of_row, width) in merged(&row.cells) {
        let spelled = cell(cell_of_row);
        cells.push(match width {
            1 => spelled,
            _ => format!("\\multicolumn{{{width}}}{{c}}{{{spelled}}}"),
        });
    }
    format!("{} \\\\\n", cells.join(" & "))
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "--".to_owned(),
        Cell::Text(text) => escape(text),
        Cell::Number(value) => number(value),
        Cell::State { word, notes } => format!("\\emph{{{}}}{}", escape(word), marks(notes)),
    }
}

fn number(number: &Number) -> String {
    let mut text = escape(&number.mean);
    if number.best {
        text = format!("\\textbf{{{text}}}");
    }
    if let Some(sd) = &number.sd {
        text += &format!(" $\\pm$ {sd}");
    }
    if let Some(interval) = &number.interval {
        text += &format!(" {{\\footnotesize [{}]}}", interval.replace('–', "--"));
    }
    if number.unfinished {
        text += &escape(&UNFINISHED.to_string());
    }
    if number.show_n {
        text += &format!(" ({})", number.value.n);
    }
    text + &marks(&number.notes)
}

fn marks(notes: &[usize]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let notes: Vec<String> = notes.iter().map(usize::to_string).collect();
    format!("\\textsuperscript{{{}}}", notes.join(","))
}
