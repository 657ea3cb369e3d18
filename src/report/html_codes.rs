//! The codes of a task in HTML: an excerpt as a table, and all of them as data from which the script fills it page by page.

use serde_json::json;

use super::codes::{CodeExcerpt, CodeScores, CodeTable};
use super::csv;
use super::escape::{html as escape, latex, script};
use super::html_table::leading_to;
use super::icd::{Version, chapter};
use super::records::Links;
use super::table::{grouped, length_word};

/// The table of codes; its numbers lead to their records.
pub fn codes(excerpt: &CodeExcerpt, links: &Links) -> String {
    let CodeExcerpt {
        id,
        which,
        runs,
        rows,
        all,
        ..
    } = excerpt;
    let anchors: Vec<Option<&str>> = excerpt.records.iter().map(|keys| links.anchor(keys)).collect();
    let mut text = format!(
        "<details open class=\"codes\">\n<summary>F1 (%) of {which} with a gold positive in the scored notes</summary>\n\
         <div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"F1 by code\">\n<table id=\"{id}\" class=\"of-codes\">\n<caption>F1 by code</caption>\n<thead>\n<tr><th scope=\"col\" class=\"stub\">code</th><th scope=\"col\">training notes</th><th scope=\"col\">gold notes</th>"
    );
    for (run, length) in runs {
        let length = length.map_or(String::new(), |length| {
            format!(" <span class=\"sd\">{}</span>", length_word(length))
        });
        text += &format!("<th scope=\"col\">{}{length}</th>", escape(run));
    }
    text += "</tr>\n</thead>\n<tbody>\n";
    for row in rows {
        text += &row_html(row, &anchors);
    }
    text + &format!(
        "</tbody>\n</table>\n</div>\n</details>\n<p class=\"foot\">Means over the seeds, each run at its longest scored length. All codes are in <code>{}</code>, with their counts.</p>\n\
         <script type=\"application/json\" class=\"codes-data\" data-of=\"{id}\">{}</script>\n",
        csv::CODES,
        data(all, runs, &anchors)
    )
}

fn row_html(row: &CodeScores, anchors: &[Option<&str>]) -> String {
    let mut text = format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
        escape(&row.code),
        grouped(u64::from(row.training)),
        grouped(u64::from(row.gold))
    );
    for (f1, anchor) in row.f1.iter().zip(anchors) {
        text += &match f1 {
            Some(f1) => {
                let printed = format!("{:.1}", 100.0 * f1.mean);
                let link = leading_to(*anchor, printed.clone());
                format!("<td class=\"share\" style=\"--share-width:{printed}%\">{link}</td>")
            }
            None => "<td class=\"none\">–</td>".to_owned(),
        };
    }
    text + "</tr>\n"
}

/// All codes as columns: F1 in tenths of a percent, -1 for none, so that 8,921 codes take tens of kilobytes a run.
fn data(all: &CodeTable, runs: &[(String, Option<u32>)], anchors: &[Option<&str>]) -> String {
    let rows = &all.rows;
    let version = Version::of(rows.iter().map(|row| row.code.as_str()));
    let mut chapters: Vec<&str> = Vec::new();
    let of_chapter = |row: &CodeScores| {
        let Some((_, title)) = version.and_then(|version| chapter(&row.code, version)) else {
            return -1;
        };
        let place = chapters.iter().position(|known| *known == title);
        let place = place.unwrap_or_else(|| {
            chapters.push(title);
            chapters.len() - 1
        });
        place as i64
    };
    let of_chapter: Vec<i64> = rows.iter().map(of_chapter).collect();
    let tenths = |run: usize| {
        let f1 = rows.iter().map(move |row| row.f1[run]);
        f1.map(|f1| f1.map_or(-1, |f1| (1000.0 * f1.mean).round() as i64))
            .collect::<Vec<_>>()
    };
    let titles = runs.iter().map(|(run, length)| match length {
        Some(length) => format!("{run}, {}", length_word(*length)),
        None => run.clone(),
    });
    let titles: Vec<String> = titles.collect();
    script(&json!({
        "codes": rows.iter().map(|row| &row.code).collect::<Vec<_>>(),
        "training": rows.iter().map(|row| row.training).collect::<Vec<_>>(),
        "gold": rows.iter().map(|row| row.gold).collect::<Vec<_>>(),
        "latex": titles.iter().map(|title| latex(title)).collect::<Vec<_>>(),
        "runs": titles,
        "anchors": anchors,
        "f1": (0..runs.len()).map(tenths).collect::<Vec<_>>(),
        "chapters": chapters,
        "chapter": of_chapter,
    }))
}
