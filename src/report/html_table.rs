//! Tables as HTML.

use super::escape::html as escape;
use super::spread::UNFINISHED;
use super::table::{Cell, Number, Row, Table, merged};

/// One table with caption and foot.
pub fn table(table: &Table) -> String {
    let caption = escape(&table.caption);
    let mut text = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table id=\"{}\"{}>\n<caption>{caption}</caption>\n<thead>\n",
        table.id,
        if table.columns.len() == 1 {
            " class=\"narrow\""
        } else {
            ""
        }
    );
    if table.rows.is_empty() {
        return format!("<p class=\"empty\">{caption}: nothing was scored yet.</p>\n");
    }
    // Two label columns become one: the first labels a block of rows.
    let in_blocks = table.stub.len() > 1;
    text += &heading(table, in_blocks);
    text += "</thead>\n<tbody>\n";
    let mut block: Option<(&str, bool)> = None;
    for row in &table.rows {
        let of_row = (if in_blocks { row.labels[0].as_str() } else { "" }, row.reference);
        if block.is_some_and(|block| block != of_row) {
            text += "</tbody>\n<tbody>\n";
        }
        if in_blocks && block != Some(of_row) && !row.reference {
            text += &block_heading(table, &row.labels[0]);
        }
        block = Some(of_row);
        text += &row_html(row);
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
        table.columns.len()
    )
}

fn row_html(row: &Row) -> String {
    let mut label = escape(row.labels.last().map_or("", String::as_str));
    if let Some((n, notes)) = &row.fewer_seeds {
        label += &format!(" <span class=\"sd\">({n})</span>{}", marks(notes));
    }
    if row.unfinished {
        label += &format!(" {UNFINISHED}");
    }
    let class = if row.reference { " class=\"reference\"" } else { "" };
    let mut text = format!("<tr{class}><th scope=\"row\">{label}</th>");
    for (cell_of_row, width) in merged(&row.cells) {
        text += &cell(cell_of_row, width);
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

fn cell(cell: &Cell, width: usize) -> String {
    match cell {
        Cell::Empty => "<td class=\"none\">–</td>".to_owned(),
        Cell::Text(text) => format!("<td>{}</td>", escape(text)),
        Cell::Number(value) => format!("<td>{}</td>", number(value)),
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

fn number(number: &Number) -> String {
    let mut text = number.mean.clone();
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
