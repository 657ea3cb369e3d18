//! The small template language of `phrases.txt`: `[a|b]` picks one, `{n:1-9}` and `{d:365-378}` draw numbers, other
//! names in braces follow the patient, and `{dx}` is where a wording of the phrase bank goes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::draw::Draw;
use super::orders::{DRUGS, Medication};

/// One piece of a template.
enum Node {
    Text(&'static str),
    Choice(Vec<Template>),
    Integer(u32, u32),
    /// Tenths.
    Decimal(u32, u32),
    Drug,
    Diagnosis,
    /// The name of a word that depends on the patient.
    Person(&'static str),
}

/// One line of a pool.
pub(super) struct Template(Vec<Node>);

/// A rendered template.
#[derive(Default)]
pub(super) struct Rendered {
    pub(super) text: String,
    /// Byte ranges of the wordings put in for `{dx}`, in order.
    pub(super) mentions: Vec<Range<usize>>,
}

/// What a template may say about the patient.
#[derive(Clone, Copy)]
pub(super) struct Person<'a> {
    pub(super) female: bool,
    pub(super) age: u32,
    /// What the patient takes; `{drug}` is one of these.
    pub(super) medications: &'a [Medication],
}

static POOLS: LazyLock<HashMap<&'static str, Vec<Template>>> = LazyLock::new(|| read(include_str!("phrases.txt")));

/// The templates under `== name`.
pub(super) fn pool(name: &str) -> &'static [Template] {
    POOLS
        .get(name)
        .unwrap_or_else(|| panic!("phrases.txt has no pool named {name:?}"))
}

impl Template {
    /// How many wordings the template asks for (at most, over its alternatives).
    pub(super) fn slots(&self) -> usize {
        let of_node = |node: &Node| match node {
            Node::Diagnosis => 1,
            Node::Choice(options) => options.iter().map(Template::slots).max().unwrap_or(0),
            _ => 0,
        };
        self.0.iter().map(of_node).sum()
    }

    /// Fills the template in; `wordings` are used in order and must be at least [`Template::slots`].
    pub(super) fn render(&self, person: Person, wordings: &[&str], draw: &mut Draw) -> Rendered {
        let mut out = Rendered::default();
        self.append(person, wordings, draw, &mut out);
        out
    }

    fn append(&self, person: Person, wordings: &[&str], draw: &mut Draw, out: &mut Rendered) {
        for node in &self.0 {
            match node {
                Node::Text(text) => out.text.push_str(text),
                Node::Choice(options) => draw.pick(options).append(person, wordings, draw, out),
                Node::Integer(low, high) => out.text.push_str(&draw.between(*low, *high).to_string()),
                Node::Decimal(low, high) => {
                    let tenths = draw.between(*low, *high);
                    out.text.push_str(&format!("{}.{}", tenths / 10, tenths % 10));
                }
                Node::Drug if person.medications.is_empty() => out.text.push_str(draw.pick(&DRUGS).name),
                Node::Drug => out.text.push_str(draw.pick(person.medications).name),
                Node::Diagnosis => {
                    let start = out.text.len();
                    out.text.push_str(wordings[out.mentions.len()]);
                    out.mentions.push(start..out.text.len());
                }
                Node::Person(word) => out.text.push_str(&person.word(word)),
            }
        }
    }
}

impl Person<'_> {
    fn word(self, name: &str) -> String {
        let (feminine, masculine) = match name {
            "he" => ("she", "he"),
            "He" => ("She", "He"),
            "his" => ("her", "his"),
            "His" => ("Her", "His"),
            "him" => ("her", "him"),
            "man" => ("woman", "man"),
            "Mr" => ("Ms.", "Mr."),
            "age" => return self.age.to_string(),
            _ => panic!("phrases.txt: unknown name {{{name}}}"),
        };
        (if self.female { feminine } else { masculine }).to_owned()
    }
}

fn read(source: &'static str) -> HashMap<&'static str, Vec<Template>> {
    let mut pools: HashMap<&str, Vec<Template>> = HashMap::new();
    let mut name = "";
    for line in source
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        if let Some(heading) = line.strip_prefix("== ") {
            name = heading;
        } else {
            pools.entry(name).or_default().push(parse(line));
        }
    }
    pools
}

/// Lines that open with `# ` are comments, so a problem heading is written `\# `.
fn parse(line: &'static str) -> Template {
    let mut rest = line.strip_prefix('\\').unwrap_or(line);
    let template = sequence(&mut rest, line);
    assert!(rest.is_empty(), "phrases.txt: unbalanced bracket in {line:?}");
    template
}

/// Reads up to the end, or up to the `|` or `]` that closes the current alternative.
fn sequence(rest: &mut &'static str, line: &str) -> Template {
    let mut nodes = Vec::new();
    while let Some(first) = rest.chars().next() {
        match first {
            '|' | ']' => break,
            '[' => nodes.push(choice(rest, line)),
            '{' => {
                let end = rest
                    .find('}')
                    .unwrap_or_else(|| panic!("phrases.txt: open brace in {line:?}"));
                nodes.push(slot(&rest[1..end]));
                *rest = &rest[end + 1..];
            }
            _ => {
                let end = rest.find(['[', '{', '|', ']']).unwrap_or(rest.len());
                nodes.push(Node::Text(&rest[..end]));
                *rest = &rest[end..];
            }
        }
    }
    Template(nodes)
}

fn choice(rest: &mut &'static str, line: &str) -> Node {
    let mut options = Vec::new();
    loop {
        *rest = &rest[1..]; // the bracket or the bar
        options.push(sequence(rest, line));
        match rest.chars().next() {
            Some('|') => {}
            Some(']') => break,
            _ => panic!("phrases.txt: open bracket in {line:?}"),
        }
    }
    *rest = &rest[1..];
    Node::Choice(options)
}

fn slot(name: &'static str) -> Node {
    let range = |text: &str| {
        let (low, high) = text
            .split_once('-')
            .unwrap_or_else(|| panic!("phrases.txt: bad range {{{name}}}"));
        (super::bank::number(low), super::bank::number(high))
    };
    match name.split_once(':') {
        Some(("n", numbers)) => {
            let (low, high) = range(numbers);
            Node::Integer(low, high)
        }
        Some(("d", numbers)) => {
            let (low, high) = range(numbers);
            Node::Decimal(low, high)
        }
        _ if name == "drug" => Node::Drug,
        _ if name == "dx" => Node::Diagnosis,
        _ => Node::Person(name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bank::BANK;
    use super::*;

    /// Whether `wording` stands in the text as whole words; abbreviations only with their capitals.
    fn names(text: &str, lower: &str, wording: &str) -> bool {
        let abbreviation = wording.len() <= 4 && wording.chars().any(|c| c.is_ascii_uppercase());
        let folded = wording.to_lowercase();
        let (text, wording) = if abbreviation {
            (text, wording)
        } else {
            (lower, folded.as_str())
        };
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        text.match_indices(wording).any(|(at, _)| {
            !inside(text[..at].chars().next_back()) && !inside(text[at + wording.len()..].chars().next())
        })
    }

    #[test]
    fn no_template_names_a_coded_condition_by_itself() {
        let mut draw = Draw::new(1, 0);
        for (name, templates) in POOLS.iter() {
            for template in templates {
                for turn in 0..12 {
                    let person = Person {
                        female: turn % 2 == 0,
                        age: 60,
                        medications: &[],
                    };
                    let text = template.render(person, &["XXXX"; 4], &mut draw).text;
                    let lower = text.to_lowercase();
                    for entry in &BANK.entries {
                        let said = entry.wordings.iter().find(|wording| names(&text, &lower, wording));
                        assert_eq!(said, None, "pool {name}: {text:?} names {}", entry.code);
                    }
                }
            }
        }
    }

    #[test]
    fn choices_nest_and_ranges_hold() {
        let template = parse("[a {n:3-3}|a [3|3]] {d:365-365} {he}{dx}");
        let out = template.render(
            Person {
                female: true,
                age: 40,
                medications: &[],
            },
            &["gout"],
            &mut Draw::new(0, 0),
        );
        assert_eq!(out.text, "a 3 36.5 shegout");
        assert_eq!(&out.text[out.mentions[0].clone()], "gout");
        assert_eq!(template.slots(), 1);
    }
}
