//! Tables and the page as GitHub-flavoured Markdown.

use super::escape::{html, markdown as escape};
use super::glance::Answer;
use super::metric::Metric;
use super::page::{Block, Body, Figure, Page};
use super::spread::UNFINISHED;
use super::table::{Cell, Number, Table, merged};

/// The whole report as Markdown; the plots are embedded by relative path.
pub fn page(page: &Page<'_>) -> String {
    let mut text = format!("# {}\n\n", escape(&page.suite.name));
    for paragraph in page.suite.paragraphs() {
        text += &format!("{}\n\n", escape(paragraph));
    }
    text += &format!("**{}.**\n", page.summary.coverage.sentence());
    for remark in &page.remarks {
        text += &format!("\n> {}\n", escape(remark));
    }
    for block_of_page in &page.blocks {
        text += &block(block_of_page);
    }
    text
}

fn block(block: &Block) -> String {
    let heading = format!("\n## {}\n", escape(&block.heading));
    match &block.body {
        Body::Task => heading,
        Body::Glance(glance) => {
            let answer = |Answer { question, short, rest }: &Answer| {
                let words = [short, rest].map(|words| escape(words)).join(" ");
                format!("- **{question}**: {}\n", words.trim())
            };
            let answers: String = glance.answers.iter().map(answer).collect();
            let costs = table(&glance.costs);
            format!("{heading}\n{answers}\n{costs}\n```sh\n{}\n```\n", glance.command)
        }
        Body::Results {
            table: table_of_block,
            figures,
        } => {
            let titled = |found: &Table| format!("\n### {}\n\n{}", escape(&found.caption), table(found));
            let pictures: String = figures.iter().map(picture).collect();
            table_of_block.as_ref().map(titled).unwrap_or_default() + &pictures
        }
        // A hundred rows to scroll through; the CSV has them, and the HTML page can fold them away.
        Body::Codes(_) => String::new(),
        // Long, and behind no link here: the records themselves are the files of the results directory.
        Body::Records(_) => String::new(),
        Body::Notes(notes) => {
            let line = |(index, note): (usize, &String)| format!("{}. {}\n", index + 1, escape(note));
            let lines: String = notes.iter().enumerate().map(line).collect();
            format!("{heading}\n{lines}")
        }
        Body::Remarks(remarks) => {
            let lines: String = remarks.iter().map(|remark| format!("\n{}\n", escape(remark))).collect();
            format!("{heading}{lines}")
        }
        Body::Definitions(metrics) => {
            let line = |metric: &Metric| format!("- **{}**: {}\n", escape(&metric.label), escape(&metric.definition));
            let lines: String = metrics.iter().map(line).collect();
            format!("{heading}\n{lines}")
        }
        Body::Facts(facts) => {
            let line = |(name, value): &(String, String)| format!("| {} | {} |\n", escape(name), escape(value));
            let lines: String = facts.iter().map(line).collect();
            format!("{heading}\n| | |\n|---|---|\n{lines}")
        }
        Body::Command { command, .. } => format!("{heading}\n```sh\n{command}\n```\n"),
    }
}

/// Text as Markdown shows it letter by letter.
pub fn escaped(text: &str) -> String {
    escape(text)
}

/// One table with its foot, without its caption.
pub fn table(table: &Table) -> String {
    if table.rows.is_empty() {
        return "Nothing was scored yet.\n".to_owned();
    }
    let headings = (0..table.columns.len()).map(|column| table.heading(column));
    let headings: Vec<String> = table.stub.iter().cloned().chain(headings).collect();
    let headings: Vec<String> = headings.iter().map(|heading| escape(heading)).collect();
    let mut text = format!("| {} |\n|", headings.join(" | "));
    text += &"---|".repeat(table.stub.len());
    text += &"---:|".repeat(table.columns.len());
    text.push('\n');
    for row in &table.rows {
        let mut cells: Vec<String> = row.labels.iter().map(|label| escape(label)).collect();
        if let (Some(label), Some((n, notes))) = (cells.last_mut(), &row.fewer_seeds) {
            *label += &format!(" ({n}){}", marks(notes));
        }
        if let (Some(label), true) = (cells.last_mut(), row.unfinished) {
            *label += &format!(" {UNFINISHED}");
        }
        for (cell_of_row, width) in merged(&row.cells) {
            cells.push(cell(cell_of_row));
            cells.extend(std::iter::repeat_n(String::new(), width - 1));
        }
        text += &format!("| {} |\n", cells.join(" | "));
    }
    for line in &table.foot {
        text += &format!("\n<sub>{}</sub>\n", escape(line));
    }
    text
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "–".to_owned(),
        Cell::Text(text) => escape(text),
        Cell::Number(value) => number(value),
        Cell::State { word, notes } => format!("{word}{}", marks(notes)),
    }
}

fn number(number: &Number) -> String {
    let mut text = number.mean.clone();
    if number.best {
        text = format!("**{text}**");
    }
    if let Some(sd) = &number.sd {
        text += &format!(" ± {sd}");
    }
    if let Some(interval) = &number.interval {
        text += &format!(" [{interval}]");
    }
    if number.unfinished {
        text.push(UNFINISHED);
    }
    if number.show_n {
        text += &format!(" ({})", number.value.n);
    }
    text + &marks(&number.notes)
}

fn marks(notes: &[usize]) -> String {
    let marks = notes.iter().map(|note| format!("<sup>{note}</sup>"));
    marks.collect::<Vec<_>>().join("<sup>,</sup>")
}

fn picture(figure: &Figure) -> String {
    let stem = &figure.stem;
    format!(
        "\n<picture>\n  <source type=\"image/svg+xml\" srcset=\"plots/{stem}.svg\">\n  <img src=\"plots/{stem}.png\" width=\"{}\" alt=\"{}\">\n</picture>\n\n<sub>{}</sub>\n",
        figure.scene.width,
        html(&figure.scene.title),
        escape(&figure.caption),
    )
}
