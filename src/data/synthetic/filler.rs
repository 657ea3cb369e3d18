//! The text of a note that names no condition: sentences of the section's pool, medications and laboratory results.

use super::draw::Draw;
use super::orders;
use super::phrases::{Person, pool};
use super::section::Section;

/// Percent of the medications on admission that are gone at discharge.
const STOPPED: u32 = 15;
/// Percent of the lines under laboratory results that are results.
const RESULTS: u32 = 88;
/// Pools whose sentences keep their order: an examination from head to toe, a letter from greeting to farewell.
const ORDERED: [&str; 5] = ["exam", "condition", "instructions", "progress", "consult"];
/// Pools that go on as long as words are owed; sentences of the others come once in a section.
const ENDLESS: [&str; 3] = ["hpi", "course", "imaging"];

/// Shares out the words of a note among its sections. What a section has too little or too much goes to the next, so
/// that the whole is as long as asked for.
pub(super) struct Filler<'a> {
    person: Person<'a>,
    codes: &'a [usize],
    words: i64,
    shares: i64,
    /// Words due so far, times `shares`.
    owed: i64,
}

/// Words as the length settings count them: runs of characters between white space.
pub(super) fn count_words(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

impl<'a> Filler<'a> {
    /// `words` for sections that have `shares` together.
    pub(super) fn new(person: Person<'a>, codes: &'a [usize], words: u32, shares: u32) -> Self {
        Self {
            person,
            codes,
            words: i64::from(words),
            shares: i64::from(shares),
            owed: 0,
        }
    }

    /// The sentences or lines of the next section; `occupied` says that it already names a code.
    pub(super) fn section(&mut self, section: &Section, occupied: bool, draw: &mut Draw) -> Vec<String> {
        self.owed += self.words * i64::from(section.filler);
        let mut texts = Vec::new();
        match section.pool {
            "complaint" | "diagnosis" if occupied => {}
            "complaint" | "diagnosis" => {
                let text = self.sentence(section.pool, draw);
                self.take(text, &mut texts);
            }
            "meds-admission" => self.medications(0, &mut texts, draw),
            "meds-discharge" => self.medications(STOPPED, &mut texts, draw),
            "labs" => {
                while self.owed > 0 {
                    let results = draw.percent(RESULTS);
                    let text = if results {
                        orders::laboratory_line(self.codes, draw)
                    } else {
                        self.sentence("labs", draw)
                    };
                    self.take(text, &mut texts);
                }
            }
            pool => self.sentences(pool, &mut texts, draw),
        }
        texts
    }

    fn take(&mut self, text: String, texts: &mut Vec<String>) {
        self.owed -= i64::from(count_words(&text)) * self.shares;
        texts.push(text);
    }

    fn sentence(&self, name: &str, draw: &mut Draw) -> String {
        draw.pick(pool(name)).render(self.person, &[], draw).text
    }

    fn medications(&mut self, stopped: u32, texts: &mut Vec<String>, draw: &mut Draw) {
        for medication in self.person.medications {
            if self.owed > 0 && !draw.percent(stopped) {
                self.take(medication.line(), texts);
            }
        }
    }

    /// Goes through the pool in random order until the section has had its share.
    fn sentences(&mut self, name: &str, texts: &mut Vec<String>, draw: &mut Draw) {
        let templates = pool(name);
        let mut order: Vec<usize> = (0..templates.len()).collect();
        loop {
            draw.shuffle(&mut order);
            let mut round = Vec::new();
            for &at in &order {
                if self.owed > 0 {
                    let text = templates[at].render(self.person, &[], draw).text;
                    self.owed -= i64::from(count_words(&text)) * self.shares;
                    round.push((at, text));
                }
            }
            if ORDERED.contains(&name) {
                round.sort_by_key(|&(at, _)| at);
            }
            texts.extend(round.into_iter().map(|(_, text)| text));
            if self.owed <= 0 || !ENDLESS.contains(&name) {
                break;
            }
        }
    }
}
