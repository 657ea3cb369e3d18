//! The records behind the numbers of a page as HTML, folded away one by one.

use super::escape::html as escape;
use super::records::{RecordGroup, RecordSheet};
use super::table::grouped;

/// A heading for each run and length, under it a fold for each seed. The anchors lie inside the folds, so that a browser opens
/// the fold that a link leads to, also without a script.
pub fn records(groups: &[RecordGroup]) -> String {
    let mut text = "<p>What each number was made from. A mean over several seeds leads to the run and length, a single number to its record.</p>\n".to_owned();
    for group in groups {
        let (anchor, title) = (&group.anchor, escape(&group.title));
        text += &format!("<div class=\"cell\" id=\"{anchor}\">\n<h3>{title}</h3>\n");
        for sheet in &group.records {
            text += &record(sheet);
        }
        if group.left_out > 0 {
            let left_out = grouped(group.left_out as u64);
            text += &format!(
                "<p>{left_out} more have no room on this page: they are in <code>records/</code> of the results directory.</p>\n"
            );
        }
        text += "</div>\n";
    }
    text
}

fn record(sheet: &RecordSheet) -> String {
    let mut text = format!(
        "<details class=\"record\">\n<summary>{}</summary>\n<div id=\"{}\" class=\"sheet\">\n",
        escape(&sheet.title),
        sheet.anchor
    );
    for (heading, rows) in sheet.parts.iter().filter(|(_, rows)| !rows.is_empty()) {
        text += &format!("<h4>{}</h4>\n<dl>\n", escape(heading));
        for (name, value) in rows {
            text += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
        }
        text += "</dl>\n";
    }
    if !sheet.stages.is_empty() {
        text += "<h4>Settings, stage by stage</h4>\n";
    }
    for (stage, lines) in &sheet.stages {
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        text += &format!(
            "<h5>{}</h5>\n<pre class=\"settings\" tabindex=\"0\" role=\"group\" aria-label=\"Settings of {0}, {}\">{}</pre>\n",
            escape(stage),
            escape(&sheet.title),
            lines.join("\n")
        );
    }
    text + "</div>\n</details>\n"
}
