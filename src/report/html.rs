//! The page as one HTML file that loads nothing: styles, scripts and plots are inside.

use super::error::Error;
use super::escape::html as escape;
use super::glance::{Answer, Glance};
use super::html_codes::codes;
use super::html_document::Document;
use super::html_records::records;
use super::html_table::table;
use super::page::{Block, Body, Figure, Page};
use super::plots::paint::{self, inline_svg};
use super::records::Links;
use super::scores::notes_in;
use super::table::Table;

/// The whole report as HTML.
///
/// # Errors
/// When a plot cannot be painted.
pub fn page(page: &Page<'_>) -> Result<String, Error> {
    let links = Links::to(page.record_groups());
    let mut document = Document::default();
    document.head(&head(page));
    for block_of_page in &page.blocks {
        if let Body::Task = block_of_page.body {
            document.task(&block_of_page.heading);
            continue;
        }
        let class = match block_of_page.body {
            Body::Glance(_) => "glance",
            Body::Records(_) => "records",
            _ => "",
        };
        document.section(&block_of_page.heading, class, &block(block_of_page, &links)?);
        if let Some(table) = table_of(&block_of_page.body) {
            document.copied(table, &notes_in(&[table], &page.summary));
        }
    }
    Ok(document.finish(&format!("{}: icdbench report", page.suite.name)))
}

fn table_of(body: &Body) -> Option<&Table> {
    match body {
        Body::Glance(glance) => Some(&glance.costs),
        Body::Results { table, .. } => table.as_ref(),
        _ => None,
    }
}

/// A page of tables under a heading and some lines.
pub fn tables(title: &str, head: &[String], tables: &[Table]) -> String {
    let mut document = Document::default();
    let mut text = format!(
        "<header>\n<p class=\"eyebrow\">icdbench</p>\n<h1>{}</h1>\n",
        escape(title)
    );
    for line in head {
        text += &format!("<p class=\"lead\">{}</p>\n", escape(line));
    }
    document.head(&(text + "</header>\n"));
    for found in tables {
        document.section(&found.caption, "", &table(found, &Links::default()));
        document.copied(found, &[]);
    }
    document.finish(title)
}

fn head(page: &Page<'_>) -> String {
    let mut text = format!(
        "<header>\n<p class=\"eyebrow\">icdbench report</p>\n<h1>{}</h1>\n",
        escape(&page.suite.name)
    );
    for paragraph in page.suite.paragraphs() {
        text += &format!("<p class=\"lead\">{}</p>\n", escape(paragraph));
    }
    if let Some(task) = page.only_task() {
        text += &format!("<p class=\"task-line\">{}</p>\n", escape(task));
    }
    let coverage = &page.summary.coverage;
    text += &format!(
        "<p class=\"coverage\"><strong>{}</strong></p>\n",
        escape(&coverage.sentence())
    );
    if coverage.cells > 0 {
        text += "<div class=\"bar\" aria-hidden=\"true\">";
        let parts =
            std::iter::once(("ok", coverage.ok)).chain(coverage.other.iter().map(|(word, count)| (*word, *count)));
        for (word, count) in parts.filter(|(_, count)| *count > 0) {
            text += &format!(
                "<span class=\"{}\" style=\"flex-grow:{count}\"></span>",
                word.replace(' ', "-")
            );
        }
        text += "</div>\n";
    }
    for remark in &page.remarks {
        text += &format!("<p class=\"remark\">{}</p>\n", escape(remark));
    }
    text + "</header>\n"
}

fn block(block: &Block, links: &Links) -> Result<String, Error> {
    Ok(match &block.body {
        Body::Task => String::new(),
        Body::Glance(answer) => glance(answer, links),
        Body::Results {
            table: table_of_block,
            figures,
        } => {
            let mut text = match table_of_block {
                Some(found) => table(found, links),
                None => String::new(),
            };
            for figure_of_block in figures {
                text += &figure(figure_of_block)?;
            }
            text
        }
        Body::Codes(excerpt) => codes(excerpt, links),
        Body::Records(groups) => records(groups),
        Body::Notes(notes) => numbered(notes),
        Body::Remarks(remarks) => {
            let remark = |remark: &String| format!("<p>{}</p>\n", escape(remark));
            remarks.iter().map(remark).collect()
        }
        Body::Definitions(metrics) => {
            let terms = metrics.iter().map(|metric| (&metric.label, &metric.definition));
            terms_html("definitions", terms)
        }
        Body::Facts(facts) => terms_html("provenance", facts.iter().map(|(name, value)| (name, value))),
        Body::Command { command, sheets } => {
            let sheets: Vec<String> = sheets.iter().map(|file| format!("<code>{file}</code>")).collect();
            format!(
                "<pre tabindex=\"0\" role=\"group\" aria-label=\"Command\"><code>{}</code></pre>\n<p class=\"foot\">Finished cells are kept; only what is missing is run. The numbers behind this page lie beside it: {}.</p>\n",
                escape(command),
                sheets.join(", ")
            )
        }
    })
}

fn glance(glance: &Glance, links: &Links) -> String {
    let mut text = "<dl>\n".to_owned();
    for Answer { question, short, rest } in &glance.answers {
        let short = match short.as_str() {
            "" => String::new(),
            short => format!("<strong>{}</strong> ", escape(short)),
        };
        text += &format!("<div><dt>{question}</dt><dd>{short}{}</dd></div>\n", escape(rest));
    }
    text + &format!(
        "</dl>\n{}<pre tabindex=\"0\" role=\"group\" aria-label=\"Command\"><code>{}</code></pre>\n",
        table(&glance.costs, links),
        escape(&glance.command)
    )
}

fn figure(figure: &Figure) -> Result<String, Error> {
    let svg = inline_svg(&figure.scene).map_err(|source: paint::PaintError| Error::Plot {
        plot: figure.stem.clone(),
        source,
    })?;
    Ok(format!(
        "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Plot: {}\">\n{svg}</div>\n<figcaption>{}</figcaption>\n</figure>\n",
        escape(&figure.scene.title),
        escape(&figure.caption)
    ))
}

/// Reasons, each with the anchor that the tables lead to.
fn numbered(notes: &[String]) -> String {
    let mut text = "<ol class=\"notes\">\n".to_owned();
    for (index, note) in notes.iter().enumerate() {
        text += &format!("<li id=\"note-{}\">{}</li>\n", index + 1, escape(note));
    }
    text + "</ol>\n"
}

fn terms_html<'t>(class: &str, terms: impl Iterator<Item = (&'t String, &'t String)>) -> String {
    let mut text = format!("<dl class=\"{class}\">\n");
    for (term, meaning) in terms {
        text += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(term), escape(meaning));
    }
    text + "</dl>\n"
}
