//! Tables and the page as GitHub-flavoured Markdown.

use super::page::{Figure, Page};
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
    for section in &page.sections {
        if page.sections.len() > 1 {
            text += &format!("\n## {}\n", escape(&section.title));
        }
        for (table_of_section, figures) in section.blocks() {
            if let Some(table_of_section) = table_of_section {
                text += &format!("\n### {}\n\n", escape(&table_of_section.caption));
                text += &table(table_of_section);
            }
            for figure in figures {
                text += &picture(figure);
            }
        }
    }
    if !page.summary.notes.is_empty() {
        text += "\n## Cells without scores\n\n";
        for (index, note) in page.summary.notes.iter().enumerate() {
            text += &format!("{}. {}\n", index + 1, escape(note));
        }
    }
    if !page.definitions.is_empty() {
        text += "\n## Metrics\n\n";
        for metric in &page.definitions {
            text += &format!("- **{}**: {}\n", escape(&metric.label), escape(&metric.definition));
        }
    }
    if !page.provenance.is_empty() {
        text += "\n## Provenance\n\n| | |\n|---|---|\n";
        for (name, value) in &page.provenance {
            text += &format!("| {} | {} |\n", escape(name), escape(value));
        }
    }
    text += &format!("\n## Reproduce\n\n```sh\n{}\n```\n", page.command);
    text
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
        super::html::escape(&figure.scene.title),
        escape(&figure.caption),
    )
}

/// Text with the characters that Markdown or its inline HTML would interpret escaped, on one line.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '\n' | '\r' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
