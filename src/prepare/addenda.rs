//! The rules by which the discharge summaries and addenda of one admission become one document.

use super::error::Error;
use super::spill::{Piece, Spill};
use crate::data::Addenda;

/// One row of notes that counts.
pub(super) struct Report {
    pub text: Piece,
    /// `ROW_ID`.
    pub row: u32,
    /// `Report` or `Addendum`.
    pub description: String,
    /// As they are written: dates of one form sort as they follow each other.
    pub chart_date: String,
    pub chart_time: String,
}

/// The texts of an admission in the order of the rule, what stands between them, and how many were left out as repeated.
pub(super) fn joined(
    mut reports: Vec<Report>,
    rule: Addenda,
    spill: &Spill,
) -> Result<(Vec<Piece>, &'static str, u64), Error> {
    // All sorts are stable: what is equal stays in the order of the rows.
    match rule {
        Addenda::Caml | Addenda::Edin => {}
        // PostgreSQL sorts what is missing last,
        Addenda::Laat => reports.sort_by(|a, b| {
            let time = |report: &Report| (report.chart_time.is_empty(), report.chart_time.clone());
            let date = |report: &Report| (report.chart_date.is_empty(), report.chart_date.clone());
            time(a)
                .cmp(&time(b))
                .then_with(|| date(a).cmp(&date(b)))
                .then_with(|| b.description.cmp(&a.description))
        }),
        // polars first, as an empty string does.
        Addenda::ReportFirst => reports.sort_by(|a, b| {
            let when = |report: &Report| (report.chart_time.clone(), report.chart_date.clone(), report.row);
            b.description.cmp(&a.description).then_with(|| when(a).cmp(&when(b)))
        }),
    }
    let mut pieces: Vec<Piece> = reports.into_iter().map(|report| report.text).collect();
    let before = pieces.len();
    if rule == Addenda::Laat {
        pieces = without_repeated(&pieces, spill)?;
    }
    let repeated = (before - pieces.len()) as u64;
    let separator = if rule == Addenda::Laat { "\n\n" } else { " " };
    Ok((pieces, separator, repeated))
}

/// The texts that did not come before.
pub(super) fn without_repeated(pieces: &[Piece], spill: &Spill) -> Result<Vec<Piece>, Error> {
    let mut kept: Vec<Piece> = Vec::new();
    'next: for &piece in pieces {
        for &other in kept.iter().filter(|other| other.length == piece.length) {
            let (mut text, mut before) = (String::new(), String::new());
            spill.read(piece, &mut text)?;
            spill.read(other, &mut before)?;
            if text == before {
                continue 'next;
            }
        }
        kept.push(piece);
    }
    Ok(kept)
}
