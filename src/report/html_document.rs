//! The frame of an HTML page: one file that loads nothing, with its styles, scripts, table of contents and data inside.

use serde_json::{Map, Value};

use super::escape::{html as escape, script};
use super::latex;
use super::plots::paint::{page_classes, page_colours};
use super::table::Table;

const STYLES: [&str; 3] = [
    include_str!("page/page.css"),
    include_str!("page/tables.css"),
    include_str!("page/print.css"),
];
const LIGHT: &str = include_str!("page/light.css");
const DARK: &str = include_str!("page/dark.css");
const SCRIPTS: [&str; 4] = [
    include_str!("page/tables.js"),
    include_str!("page/codes.js"),
    include_str!("page/plots.js"),
    include_str!("page/page.js"),
];

/// A page being put together: its sections, and what its scripts need to know.
#[derive(Default)]
pub struct Document {
    main: String,
    /// Anchors and headings, escaped, and whether the heading is that of a task.
    contents: Vec<(String, String, bool)>,
    /// Tables as LaTeX, by identifier.
    latex: Map<String, Value>,
}

impl Document {
    /// Adds what stands before the sections.
    pub fn head(&mut self, html: &str) {
        self.main += html;
    }

    /// Adds a heading under which the next sections stand.
    pub fn task(&mut self, heading: &str) {
        let (anchor, heading) = (self.anchor(heading), escape(heading));
        self.main += &format!("<h2 class=\"task\" id=\"{anchor}\">{heading}</h2>\n");
        self.contents.push((anchor, heading, true));
    }

    /// Adds a section.
    pub fn section(&mut self, heading: &str, class: &str, inside: &str) {
        let (anchor, heading) = (self.anchor(heading), escape(heading));
        let class = if class.is_empty() {
            String::new()
        } else {
            format!(" class=\"{class}\"")
        };
        self.main += &format!("<section id=\"{anchor}\"{class}>\n<h2>{heading}</h2>\n{inside}</section>\n");
        self.contents.push((anchor, heading, false));
    }

    /// Lets a table be copied as LaTeX; `notes` are those that it refers to.
    pub fn copied(&mut self, table: &Table, notes: &[(usize, &str)]) {
        let text = latex::table(table, notes);
        let text = format!("{}{text}", latex::letters_for(&text));
        self.latex.insert(table.id.clone(), text.into());
    }

    /// The anchor of a section: the words of its heading, with a number where several have the same.
    fn anchor(&self, heading: &str) -> String {
        let lower = heading.to_lowercase();
        let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let stem = format!("section-{}", words.join("-"));
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let taken = |anchor: &String| self.contents.iter().any(|(other, ..)| other == anchor);
        let mut candidates = std::iter::once(stem.clone()).chain(numbered);
        candidates.find(|anchor| !taken(anchor)).unwrap_or(stem)
    }

    /// The whole file; `title` is plain text.
    pub fn finish(self, title: &str) -> String {
        let title = escape(title);
        let contents = self.contents();
        let style = style();
        let scripts = SCRIPTS.concat();
        let latex = script(&Value::Object(self.latex));
        // Nothing may be loaded, not even by a mistake or by what a name smuggles in: all is in this file.
        let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>\n{style}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
             {contents}<main id=\"main\" tabindex=\"-1\">\n{}</main>\n\
             <script type=\"application/json\" class=\"latex-data\">{latex}</script>\n<script>\n{scripts}</script>\n</body>\n</html>\n",
            self.main
        )
    }

    /// Links to all sections; none for a page of one.
    fn contents(&self) -> String {
        if self.contents.len() < 2 {
            return String::new();
        }
        let link = |(anchor, heading, task): &(String, String, bool)| {
            let class = if *task { " class=\"of-task\"" } else { "" };
            format!("<li{class}><a href=\"#{anchor}\">{heading}</a></li>\n")
        };
        let links: String = self.contents.iter().map(link).collect();
        format!("<nav class=\"contents\" aria-label=\"Contents\">\n<ul>\n{links}</ul>\n</nav>\n")
    }
}

/// Colours for light and dark, by the reader's system or by the page's own switch; paper is always light.
fn style() -> String {
    let light = format!("{LIGHT}{}", page_colours(false));
    let dark = format!("{DARK}{}", page_colours(true));
    let rest = STYLES.concat();
    let plots = page_classes();
    format!(
        ":root {{\n{light}\n}}\n@media screen and (prefers-color-scheme: dark) {{\n:root:not([data-theme=\"light\"]) {{\n{dark}\n}}\n}}\n\
         @media screen {{\n:root[data-theme=\"dark\"] {{\n{dark}\n}}\n}}\n{rest}{plots}\n"
    )
}
