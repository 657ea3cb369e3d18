//! The page as one HTML file that loads nothing: styles, script and plots are inside.

use super::Error;
use super::codes::CodeTable;
use super::html_table::table;
use super::page::{Figure, Page, Section, figures};
use super::plots::paint::{self, inline_svg};
use super::table::{Table, grouped};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole report as HTML.
///
/// # Errors
/// When a plot cannot be painted.
pub fn page(page: &Page<'_>, codes_shown: usize) -> Result<String, Error> {
    let name = escape(&page.suite.name);
    let mut body = head(page);
    for section in &page.sections {
        body += &section_html(page, section, codes_shown)?;
    }
    body += &notes(page);
    body += &definitions(page);
    body += &reproduce(page);
    body += &provenance(page);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}: icdbench report</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    ))
}

fn head(page: &Page<'_>) -> String {
    let mut text = format!(
        "<header>\n<p class=\"eyebrow\">icdbench report</p>\n<h1>{}</h1>\n",
        escape(&page.suite.name)
    );
    for paragraph in page.suite.paragraphs() {
        text += &format!("<p class=\"lead\">{}</p>\n", escape(paragraph));
    }
    if let [section] = page.sections.as_slice() {
        text += &format!("<p class=\"task-line\">{}</p>\n", escape(&section.title));
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

fn section_html(page: &Page<'_>, section: &Section, codes_shown: usize) -> Result<String, Error> {
    let mut text = String::new();
    if page.sections.len() > 1 {
        text += &format!("<h2 class=\"task\">{}</h2>\n", escape(&section.title));
    }
    let mut block = |heading: &str, table_of_block: Option<&Table>, figures: &[&Figure]| {
        if table_of_block.is_none() && figures.is_empty() {
            return Ok(());
        }
        text += &format!("<section>\n<h2>{heading}</h2>\n");
        text += &table_of_block.map(table).unwrap_or_default();
        for figure_of_block in figures {
            text += &figure(figure_of_block)?;
        }
        text += "</section>\n";
        Ok(())
    };
    match &section.headline {
        Some(headline) => {
            block(
                "Scores by sequence length",
                Some(headline),
                &figures(&section.by_length),
            )?;
            block("What length gives", section.gains.as_ref(), &[])?;
            block("All metrics", Some(&section.scores), &[])?;
        }
        None => block("Scores", Some(&section.scores), &figures(&section.by_length))?,
    }
    block("Frequent and rare codes", None, &figures(&section.by_frequency))?;
    block("Speed and memory", section.speed.as_ref(), &section.cost_figures())?;
    block("Data", section.data.as_ref(), &figures(&section.note_lengths))?;
    block("Training", None, &figures(&section.training))?;
    text += &codes(&section.codes, &section.scores.id, codes_shown);
    Ok(text)
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
fn codes(table: &CodeTable, id: &str, codes_shown: usize) -> String {
    let rows = table.excerpt(codes_shown);
    if rows.is_empty() {
        return String::new();
    }
    let present = table.rows.iter().filter(|row| row.gold > 0).count();
    let which = if rows.len() < present {
        format!(
            "the {} most frequent and the {} rarest of {} codes",
            rows.len() - rows.len() / 2,
            rows.len() / 2,
            grouped(present as u64)
        )
    } else {
        format!("all {} codes", grouped(present as u64))
    };
    let mut text = format!(
        "<section>\n<h2>Codes</h2>\n<details open>\n<summary>F1 (%) of {which} with a gold positive in the scored notes</summary>\n\
         <div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"F1 by code\">\n<table id=\"codes-{id}\" class=\"sortable\">\n<thead>\n<tr><th scope=\"col\" class=\"stub\">code</th><th scope=\"col\">training notes</th><th scope=\"col\">gold notes</th>"
    );
    let one_length = table.runs.windows(2).all(|pair| pair[0].1 == pair[1].1);
    for (run, length) in &table.runs {
        let length = if one_length {
            String::new()
        } else {
            format!(" <span class=\"sd\">{}</span>", grouped(u64::from(*length)))
        };
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
    text + "</tbody>\n</table>\n</div>\n</details>\n<p class=\"foot\">Means over the seeds, each run at its longest scored length. All codes are in <code>codes.csv</code>.</p>\n</section>\n"
}

fn notes(page: &Page<'_>) -> String {
    if page.summary.notes.is_empty() {
        return String::new();
    }
    let mut text = "<section>\n<h2>Cells without scores</h2>\n<ol class=\"notes\">\n".to_owned();
    for (index, note) in page.summary.notes.iter().enumerate() {
        text += &format!("<li id=\"note-{}\">{}</li>\n", index + 1, escape(note));
    }
    text + "</ol>\n</section>\n"
}

fn definitions(page: &Page<'_>) -> String {
    if page.definitions.is_empty() {
        return String::new();
    }
    let mut text = "<section>\n<h2>Metrics</h2>\n<dl class=\"definitions\">\n".to_owned();
    for metric in &page.definitions {
        text += &format!(
            "<div><dt>{}</dt><dd>{}</dd></div>\n",
            escape(&metric.label),
            escape(&metric.definition)
        );
    }
    text + "</dl>\n</section>\n"
}

fn reproduce(page: &Page<'_>) -> String {
    format!(
        "<section>\n<h2>Reproduce</h2>\n<pre><code>{}</code></pre>\n<p class=\"foot\">Finished cells are kept; only what is missing is run. The numbers behind this page lie beside it: <code>scores.csv</code>, <code>table.csv</code>, <code>lengths.csv</code>, <code>speed.csv</code>, <code>bins.csv</code>, <code>training.csv</code>, <code>tokens.csv</code>, <code>codes.csv</code>.</p>\n</section>\n",
        escape(&page.command)
    )
}

fn provenance(page: &Page<'_>) -> String {
    if page.provenance.is_empty() {
        return String::new();
    }
    let mut text = "<section>\n<h2>Provenance</h2>\n<dl class=\"provenance\">\n".to_owned();
    for (name, value) in &page.provenance {
        text += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
    }
    text + "</dl>\n</section>\n"
}

/// Text for an element or an attribute in double quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}
