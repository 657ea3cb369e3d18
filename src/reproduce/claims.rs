//! A paper's claims, each judged twice: in the paper's own printed tables, and by the records at hand.

use serde::Serialize;

use super::evidence::Evidence;
use super::ours::Ours;
use crate::published::Source;
use crate::published::claims::{Evaluated, Verdict, in_print, over};
use crate::report::table::{Cell, Column, Row, Table};

/// A claim with both judgements.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClaimResult {
    /// Its name.
    pub claim: String,
    /// Where the sentence stands.
    pub section: String,
    /// The sentence.
    pub text: String,
    /// How it is read.
    pub reading: Option<String>,
    /// In the paper's own tables.
    pub in_print: Evaluated,
    /// By the records.
    pub ours: Evaluated,
}

/// All claims of a work.
pub fn judged(source: &Source, evidence: &Evidence<'_>) -> Vec<ClaimResult> {
    let ours = Ours(evidence);
    let judge = |claim: &crate::published::Claim| ClaimResult {
        claim: claim.name.clone(),
        section: claim.section.clone(),
        text: claim.text.clone(),
        reading: claim.reading.clone(),
        in_print: in_print(source, claim),
        ours: over(source, claim, &ours),
    };
    source.claims.iter().map(judge).collect()
}

/// Findings that are told of a verdict, at most.
const MOST_TOLD: usize = 3;

/// The claims as a table, with what speaks against each or leaves it open under it.
pub fn claims_table(source: &Source, claims: &[ClaimResult]) -> Table {
    let mut foot = Vec::new();
    let rows = claims.iter().map(|claim| {
        let mut mark = String::new();
        let told = told(claim);
        if !told.is_empty() {
            foot.push(format!("[{}] {told}", foot.len() + 1));
            mark = format!(" [{}]", foot.len());
        }
        let mut cells = [&claim.in_print, &claim.ours].map(words).to_vec();
        cells.extend([claim.section.clone(), format!("{:?}{mark}", claim.text)]);
        Row::new(vec![claim.claim.clone()], cells.into_iter().map(Cell::Text).collect())
    });
    let rows: Vec<Row> = rows.collect();
    let count = |of: fn(&ClaimResult) -> &Evaluated, verdict: Verdict| {
        claims.iter().filter(|claim| of(claim).verdict == verdict).count()
    };
    let sentence = |whose: &str, of: fn(&ClaimResult) -> &Evaluated| {
        format!(
            "{whose}: {} hold, {} do not, {} are not decided.",
            count(of, Verdict::Holds),
            count(of, Verdict::DoesNotHold),
            count(of, Verdict::NotDecided)
        )
    };
    let mut head = vec![
        sentence("In print", |claim| &claim.in_print),
        sentence("By the records", |claim| &claim.ours),
        "In brackets the comparisons that were decided, of all. By records a comparison is decided where the paired 95 % \
         interval over their notes excludes 0 and both models had finished learning; records of other data speak of those data."
            .to_owned(),
    ];
    head.append(&mut foot);
    Table {
        id: format!("claims-{}", source.paper.name),
        caption: format!("{}: {} claims", source.paper.name, claims.len()),
        stub: vec!["claim".into()],
        columns: ["in print", "by the records", "section", "sentence"]
            .map(|title| Column {
                group: String::new(),
                title: title.into(),
                key: title.replace(' ', "-"),
            })
            .to_vec(),
        rows,
        foot: head,
    }
}

fn words(evaluated: &Evaluated) -> String {
    let (decided, all) = evaluated.decided();
    match all {
        0 => "about print only".into(),
        _ if evaluated.verdict == Verdict::Holds && decided < all => {
            format!("holds as far as decided ({decided} of {all})")
        }
        _ => format!("{} ({decided} of {all})", evaluated.verdict.word()),
    }
}

/// What speaks against a claim or leaves it open.
fn told(claim: &ClaimResult) -> String {
    let part = |whose: &str, evaluated: &Evaluated| {
        let reasons: Vec<&str> = evaluated.reasons().collect();
        let numbers = evaluated.verdict != Verdict::Holds && !reasons.is_empty();
        numbers.then(|| {
            let more = match reasons.len().saturating_sub(MOST_TOLD) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            let told = &reasons[..reasons.len().min(MOST_TOLD)];
            format!("{whose}: {}{more}", told.join("; "))
        })
    };
    // Without any record there is nothing to tell of them.
    let ours = claim.ours.decided().0 > 0 || claim.ours.findings.iter().any(|finding| finding.verdict.is_some());
    let parts = [
        part("in print", &claim.in_print),
        ours.then(|| part("by the records", &claim.ours)).flatten(),
        claim.reading.as_ref().map(|reading| format!("read as: {reading}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(". ")
}

/// A line a comparison, with a heading.
///
/// # Errors
/// What is written to cannot take it.
pub fn claims_csv(out: impl std::io::Write, papers: &[(&Source, Vec<ClaimResult>)]) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "paper",
        "claim",
        "section",
        "text",
        "whose",
        "verdict",
        "comparison",
        "holds",
    ])?;
    for (source, claims) in papers {
        for claim in claims {
            for (whose, evaluated) in [("print", &claim.in_print), ("records", &claim.ours)] {
                for finding in &evaluated.findings {
                    writer.write_record([
                        source.paper.name.as_str(),
                        &claim.claim,
                        &claim.section,
                        &claim.text,
                        whose,
                        evaluated.verdict.word(),
                        &finding.text,
                        finding.verdict.map_or("no numbers", Verdict::word),
                    ])?;
                }
            }
        }
    }
    Ok(writer.flush()?)
}
