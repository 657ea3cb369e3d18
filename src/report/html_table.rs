//! Tables as HTML.

use super::escape::html as escape;
use super::records::Links;
use super::spread::UNFINISHED;
use super::table::{Cell, Number, Row, Table, merged};

/// One table with caption and foot; its numbers lead to their records.
pub fn table(table: &Table, links: &Links) -> String {
    let caption = escape(&table.caption);
    if table.rows.is_empty() {
        return format!("<p class=\"empty\">{caption}: nothing was scored yet.</p>\n");
    }
    // Two label columns become one: the first labels a block of rows.
    let in_blocks = table.stub.len() > 1;
    let narrow = if table.columns.len() == 1 {
        " class=\"narrow\""
    } else {
        ""
    };
    let blocks = match in_blocks {
        true => format!(" data-blocks=\"{}\"", escape(&table.stub[0])),
        false => String::new(),
    };
    let mut text = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table id=\"{}\"{narrow}{blocks}>\n<caption>{caption}</caption>\n<thead>\n{}</thead>\n",
        table.id,
        heading(table, in_blocks)
    );
    let mut block: Option<(&str, bool)> = None;
    for row in &table.rows {
        let of_row = (if in_blocks { row.labels[0].as_str() } else { "" }, row.reference);
        if block != Some(of_row) {
            if block.is_some() {
                text += "</tbody>\n";
            }
            text += &match in_blocks {
                true => format!("<tbody data-of=\"{}\">\n", escape(&row.labels[0])),
                false => "<tbody>\n".to_owned(),
            };
            if in_blocks && !row.reference {
                text += &block_heading(table, &row.labels[0]);
            }
        }
        block = Some(of_row);
        text += &row_html(row, links, in_blocks);
    }
    text += "</tbody>\n</table>\n</div>\n";
    for line in &table.foot {
        text += &format!("<p class=\"foot\">{}</p>\n", escape(line));
    }
    text
}

/// A row that names the block under it; the empty cells let the name stay in view when the table is scrolled.
fn block_heading(table: &Table, label: &str) -> String {
    format!(
        "<tr class=\"group\"><th scope=\"rowgroup\">{} {}</th><td colspan=\"{}\"></td></tr>\n",
        escape(&table.stub[0]),
        escape(label),
        table.stub.len() - 2 + table.columns.len()
    )
}

fn row_html(row: &Row, links: &Links, in_blocks: bool) -> String {
    let labels = &row.labels[usize::from(in_blocks)..];
    let (last, before) = labels
        .split_last()
        .map_or(("", &[][..]), |(last, before)| (last, before));
    let mut label = escape(last);
    if let Some((n, notes)) = &row.fewer_seeds {
        label += &format!(" <span class=\"sd\">({n})</span>{}", marks(notes));
    }
    if row.unfinished {
        label += &format!(" {UNFINISHED}");
    }
    let class = if row.reference { " class=\"reference\"" } else { "" };
    let mut text = format!("<tr{class}>");
    for label in before {
        text += &format!("<th scope=\"row\">{}</th>", escape(label));
    }
    text += &format!("<th scope=\"row\">{label}</th>");
    for (cell_of_row, width) in merged(&row.cells) {
        text += &cell(cell_of_row, width, (links, &row.records));
    }
    text + "</tr>\n"
}

fn heading(table: &Table, in_blocks: bool) -> String {
    let mut text = String::new();
    let stub = if in_blocks { &table.stub[1..] } else { &table.stub[..] };
    let groups = table.groups();
    let grouped = groups.iter().any(|(group, _)| !group.is_empty());
    if grouped {
        text += "<tr>";
        text += &"<td></td>".repeat(stub.len());
        for (group, width) in groups {
            text += &match group.is_empty() {
                true => "<td></td>".repeat(width),
                false => format!(
                    "<th class=\"group\" scope=\"colgroup\" colspan=\"{width}\">{}</th>",
                    escape(group)
                ),
            };
        }
        text += "</tr>\n";
    }
    text += "<tr>";
    for title in stub {
        text += &format!("<th scope=\"col\" class=\"stub\">{}</th>", escape(title));
    }
    for column in &table.columns {
        text += &format!("<th scope=\"col\">{}</th>", unbroken_words(&column.title));
    }
    text + "</tr>\n"
}

/// A heading that may be broken between words only, not at the hyphen of `macro-F1`.
fn unbroken_words(title: &str) -> String {
    let words = title
        .split(' ')
        .map(|word| format!("<span class=\"word\">{}</span>", escape(word)));
    words.collect::<Vec<_>>().join(" ")
}

fn cell(cell: &Cell, width: usize, (links, of_row): (&Links, &[String])) -> String {
    match cell {
        Cell::Empty => "<td class=\"none\">–</td>".to_owned(),
        Cell::Text(text) => {
            let anchor = links.anchor(of_row).filter(|_| begins_with_a_number(text));
            format!("<td>{}</td>", leading_to(anchor, escape(text)))
        }
        Cell::Number(value) => {
            let of_number = if value.records.is_empty() {
                of_row
            } else {
                &value.records
            };
            format!("<td>{}</td>", number(value, links.anchor(of_number)))
        }
        Cell::State { word, notes } => {
            let class = if width > 6 { "state wide" } else { "state" };
            let span = if width > 1 {
                format!(" colspan=\"{width}\"")
            } else {
                String::new()
            };
            format!("<td class=\"{class}\"{span}>{}{}</td>", escape(word), marks(notes))
        }
    }
}

/// The number behind a link, or alone where there is no anchor.
pub fn leading_to(anchor: Option<&str>, number: String) -> String {
    match anchor {
        Some(anchor) => format!("<a class=\"to\" href=\"#{anchor}\">{number}</a>"),
        None => number,
    }
}

fn begins_with_a_number(text: &str) -> bool {
    text.trim_start_matches(['+', '−', '-'])
        .starts_with(|first: char| first.is_ascii_digit())
}

fn number(number: &Number, anchor: Option<&str>) -> String {
    let mut text = leading_to(anchor, number.mean.clone());
    if number.best {
        text = format!("<strong>{text}</strong>");
    }
    if let Some(sd) = &number.sd {
        text += &format!(" <span class=\"sd\">± {sd}</span>");
    }
    if let Some(interval) = &number.interval {
        text += &format!(" <span class=\"interval\">[{interval}]</span>");
    }
    if number.unfinished {
        text.push(UNFINISHED);
    }
    if number.show_n {
        text += &format!(" <span class=\"sd\">({})</span>", number.value.n);
    }
    text + &marks(&number.notes)
}

fn marks(notes: &[usize]) -> String {
    let links: Vec<String> = notes
        .iter()
        .map(|note| format!("<a href=\"#note-{note}\">{note}</a>"))
        .collect();
    if links.is_empty() {
        return String::new();
    }
    format!("<sup>{}</sup>", links.join(","))
}
