//! The page as one HTML file that loads nothing: styles, script and plots are inside.

use super::codes::CodeExcerpt;
use super::csv;
use super::error::Error;
use super::escape::html as escape;
use super::html_table::table;
use super::page::{Block, Body, Figure, Page};
use super::plots::paint::{self, inline_svg};
use super::table::{Table, grouped, length_word};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole report as HTML.
///
/// # Errors
/// When a plot cannot be painted.
pub fn page(page: &Page<'_>) -> Result<String, Error> {
    let name = escape(&page.suite.name);
    let mut body = head(page);
    for block_of_page in &page.blocks {
        body += &block(block_of_page)?;
    }
    Ok(document(&format!("{name}: icdbench report"), &body))
}

/// A whole file around what stands in its `<main>`; `title` is escaped already.
pub fn document(title: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{main}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// A page of tables under a heading and some lines.
pub fn tables(title: &str, head: &[String], tables: &[Table]) -> String {
    let title = escape(title);
    let mut body = format!("<header>\n<p class=\"eyebrow\">icdbench</p>\n<h1>{title}</h1>\n");
    for line in head {
        body += &format!("<p class=\"lead\">{}</p>\n", escape(line));
    }
    body += "</header>\n";
    for found in tables {
        body += &format!(
            "<section>\n<h2>{}</h2>\n{}</section>\n",
            escape(&found.caption),
            table(found)
        );
    }
    document(&title, &body)
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

fn block(block: &Block) -> Result<String, Error> {
    let heading = escape(&block.heading);
    let inside = match &block.body {
        Body::Task => return Ok(format!("<h2 class=\"task\">{heading}</h2>\n")),
        Body::Results {
            table: table_of_block,
            figures,
        } => {
            let mut text = table_of_block.as_ref().map(table).unwrap_or_default();
            for figure_of_block in figures {
                text += &figure(figure_of_block)?;
            }
            text
        }
        Body::Codes(excerpt) => codes(excerpt),
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
                "<pre><code>{}</code></pre>\n<p class=\"foot\">Finished cells are kept; only what is missing is run. The numbers behind this page lie beside it: {}.</p>\n",
                escape(command),
                sheets.join(", ")
            )
        }
    };
    Ok(format!("<section>\n<h2>{heading}</h2>\n{inside}</section>\n"))
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

/// The table of codes; the script makes its columns sortable.
fn codes(excerpt: &CodeExcerpt) -> String {
    let CodeExcerpt { id, which, runs, rows } = excerpt;
    let mut text = format!(
        "<details open>\n<summary>F1 (%) of {which} with a gold positive in the scored notes</summary>\n\
         <div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"F1 by code\">\n<table id=\"{id}\" class=\"sortable\">\n<thead>\n<tr><th scope=\"col\" class=\"stub\">code</th><th scope=\"col\">training notes</th><th scope=\"col\">gold notes</th>"
    );
    for (run, length) in runs {
        let length = length.map_or(String::new(), |length| {
            format!(" <span class=\"sd\">{}</span>", length_word(length))
        });
        text += &format!("<th scope=\"col\">{}{length}</th>", escape(run));
    }
    text += "</tr>\n</thead>\n<tbody>\n";
    for row in rows {
        text += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
            escape(&row.code),
            grouped(u64::from(row.training)),
            grouped(u64::from(row.gold))
        );
        for f1 in &row.f1 {
            text += &match f1 {
                Some(f1) => {
                    let printed = format!("{:.1}", 100.0 * f1.mean);
                    format!("<td class=\"share\" style=\"--share-width:{printed}%\">{printed}</td>")
                }
                None => "<td class=\"none\">–</td>".to_owned(),
            };
        }
        text += "</tr>\n";
    }
    text + &format!(
        "</tbody>\n</table>\n</div>\n</details>\n<p class=\"foot\">Means over the seeds, each run at its longest scored length. All codes are in <code>{}</code>.</p>\n",
        csv::CODES
    )
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
