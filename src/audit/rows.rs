//! A record against its rows by note, and against the scores where they were kept.

use std::collections::{BTreeMap, BTreeSet};

use super::differing::{differing, differing_trees, differs};
use crate::metrics::resampled::{
    Decisions, Draws, NamedDraws, Redraws, Rows, group_f1, interval, resample, resample_areas,
};
use crate::metrics::{
    CodeScore, Curves, Evaluation, NoteScore, Options, Scores, Targets, TieOrder, curves, evaluate, is_by_rank,
    is_of_evidence,
};
use crate::record::{NoteRow, Outcome, Record, Reported, ScoreInterval, SmallCounts, StageName, of_bin};

const FROM_ROWS: &str = "the rows by note";
const FROM_SCORES: &str = "the kept scores";

pub fn problems(reported: &Reported, outcome: &Outcome, notes: &[NoteRow], scores: Option<&[f32]>) -> Vec<String> {
    let codes = outcome.task.codes + outcome.task.unseen_codes;
    let mut problems: Vec<String> = notes
        .iter()
        .enumerate()
        .filter_map(|(at, row)| of_row(at, row, codes))
        .collect();
    if notes.len() != outcome.task.evaluation_notes as usize {
        problems.push(format!(
            "there are {} rows by note, the task has {} evaluation notes",
            notes.len(),
            outcome.task.evaluation_notes
        ));
    }
    let names: BTreeSet<&str> = notes.iter().map(|row| row.note.as_str()).collect();
    if names.len() != notes.len() {
        problems.push(format!("{} notes have a row twice or more", notes.len() - names.len()));
    }
    // What follows counts on ranks and columns that can be.
    if !problems.is_empty() {
        return problems;
    }
    let at_k = at_k(outcome);
    let per_note: Vec<NoteScore> = notes.iter().map(score).collect();
    let both = notes.iter().map(|row| (&*row.gold, &*row.predicted));
    let decisions = Decisions::new(both, codes as usize);
    let rows = Rows {
        per_note: &per_note,
        decisions: &decisions,
        at_k: &at_k,
    };
    let decides = outcome.external.as_ref().is_some_and(|external| !external.scored);
    // A system that only decides has no ranks, whatever order its equal scores would have.
    let given = |name: &String| !(decides && is_by_rank(name));
    let mut made = once(resample(&rows, &Draws::once(notes.len())));
    made.retain(|name, _| given(name));
    problems.extend(differing("scores", &outcome.scores, &made, FROM_ROWS));
    if outcome.small_counts == SmallCounts::Shown {
        problems.extend(of_codes(outcome, notes));
    }
    let named = NamedDraws::new(notes.iter().map(|row| [&*row.note, &*row.patient]));
    let mut redraws = resample(&rows, &named.draws);
    if outcome.small_counts == SmallCounts::Shown {
        for bin in &outcome.frequency_bins {
            let upper = bin.upper.unwrap_or(u32::MAX);
            let inside = outcome.codes.iter().enumerate();
            let inside = inside.filter(|(_, row)| (bin.lower..=upper).contains(&row.training));
            let codes: Vec<usize> = inside.map(|(column, _)| column).collect();
            let [micro, present] = group_f1(&decisions, &named.draws, &codes);
            redraws.insert(of_bin("micro-f1", bin.lower), micro);
            redraws.insert(of_bin("macro-f1-present", bin.lower), present);
        }
    }
    if let Some(scores) = scores {
        match areas(&reported.record, outcome, notes, scores) {
            Ok((mut evaluated, curves, drawn)) => {
                evaluated.scores.retain(|name, _| given(name));
                if decides {
                    for code in &mut evaluated.per_code {
                        (code.roc_auc, code.pr_auc) = (None, None);
                    }
                }
                problems.extend(
                    outcome
                        .curves
                        .iter()
                        .flat_map(|found| differing_trees("curves", found, &curves)),
                );
                problems.extend(differing("scores", &outcome.scores, &evaluated.scores, FROM_SCORES));
                problems.extend(of_areas(outcome, &evaluated.per_code));
                let unknown = |name: &&String| !evaluated.scores.contains_key(*name) && !is_of_evidence(name);
                let unknown = outcome.scores.keys().filter(unknown);
                problems.extend(unknown.map(|name| format!("scores.{name} is no score that {FROM_SCORES} give")));
                redraws.extend(drawn(&named.draws));
            }
            Err(problem) => problems.push(problem),
        }
    }
    redraws.retain(|name, _| given(name));
    problems.extend(of_redraws(reported, outcome, &named, &redraws));
    problems
}

/// A row that contradicts itself.
fn of_row(at: usize, row: &NoteRow, codes: u32) -> Option<String> {
    let ascending =
        |columns: &[u32]| columns.is_sorted_by(|a, b| a < b) && columns.last().is_none_or(|last| *last < codes);
    let right = row
        .gold
        .iter()
        .filter(|code| row.predicted.binary_search(code).is_ok())
        .count() as u32;
    let counts = [right, row.predicted.len() as u32 - right, row.gold.len() as u32 - right];
    let ranks_fit = row.gold_ranks.len() == row.gold.len()
        && row.gold_ranks.is_sorted_by(|a, b| a < b)
        && row.gold_ranks.iter().all(|rank| (1..=codes).contains(rank));
    let problem = match () {
        () if !ascending(&row.gold) || !ascending(&row.predicted) => "its columns do not rise, or go beyond the codes",
        () if counts != [row.tp, row.fp, row.fn_] => "its counts are not those of its gold and predicted codes",
        () if !ranks_fit => "its ranks are not those of its gold codes",
        () => return None,
    };
    Some(format!("row {} of the rows by note: {problem}", at + 1))
}

fn score(row: &NoteRow) -> NoteScore {
    NoteScore {
        tp: row.tp,
        fp: row.fp,
        fn_: row.fn_,
        gold_ranks: row.gold_ranks.clone(),
    }
}

/// The k of the record's scores.
fn at_k(outcome: &Outcome) -> Vec<usize> {
    let names = outcome.scores.keys();
    names
        .filter_map(|name| name.strip_prefix("precision-at-")?.parse().ok())
        .collect()
}

/// The only redraw of each metric that is defined.
fn once(redraws: Redraws) -> BTreeMap<String, f64> {
    let defined = redraws.into_iter().filter(|(_, values)| values[0].is_finite());
    defined.map(|(name, values)| (name, values[0])).collect()
}

/// The rows by code are the columns of the rows by note.
fn of_codes(outcome: &Outcome, notes: &[NoteRow]) -> Vec<String> {
    let mut counts = vec![[0u32; 3]; outcome.codes.len()];
    for row in notes {
        for code in &row.gold {
            let right = row.predicted.binary_search(code).is_ok();
            if let Some(counts) = counts.get_mut(*code as usize) {
                counts[if right { 0 } else { 2 }] += 1;
            }
        }
        for code in row
            .predicted
            .iter()
            .filter(|code| row.gold.binary_search(code).is_err())
        {
            if let Some(counts) = counts.get_mut(*code as usize) {
                counts[1] += 1;
            }
        }
    }
    let wrong = outcome
        .codes
        .iter()
        .zip(&counts)
        .filter(|(row, counts)| [row.tp, row.fp, row.fn_] != **counts)
        .count();
    match wrong {
        0 => Vec::new(),
        wrong => vec![format!("{wrong} rows by code are not the sums of {FROM_ROWS}")],
    }
}

/// The areas of each code.
fn of_areas(outcome: &Outcome, per_code: &[CodeScore]) -> Vec<String> {
    if outcome.small_counts != SmallCounts::Shown {
        return Vec::new();
    }
    let both = outcome.codes.iter().zip(per_code);
    let wrong = both
        .filter(|(row, made)| {
            let areas = [(row.roc_auc, made.roc_auc), (row.pr_auc, made.pr_auc)];
            let each = areas.map(|(found, made)| [found, made].map(|area| area.unwrap_or(f64::NAN)));
            each.iter()
                .any(|[found, made]| differs("", *found, *made, "").is_some())
        })
        .count();
    match wrong {
        0 => Vec::new(),
        wrong => vec![format!("{wrong} rows by code have other areas than {FROM_SCORES} give")],
    }
}

/// What makes the areas in each redraw.
type Drawn<'a> = Box<dyn Fn(&Draws) -> Redraws + 'a>;

/// Everything from the kept scores.
fn areas<'a>(
    record: &Record,
    outcome: &Outcome,
    notes: &[NoteRow],
    kept: &'a [f32],
) -> Result<(Evaluation, Curves, Drawn<'a>), String> {
    let (known, all) = (
        outcome.task.codes as usize,
        (outcome.task.codes + outcome.task.unseen_codes) as usize,
    );
    if kept.len() != known * notes.len() {
        return Err(format!(
            "the kept scores have {} numbers, {} notes and {known} codes need {}",
            kept.len(),
            notes.len(),
            known * notes.len()
        ));
    }
    let mut wide = vec![0f32; notes.len() * all];
    for (row, scores) in wide.chunks_mut(all).zip(kept.chunks(known)) {
        row[..known].copy_from_slice(scores);
    }
    let gold: Vec<Vec<u32>> = notes.iter().map(|row| row.gold.clone()).collect();
    let wrong = |error: crate::metrics::Error| format!("the kept scores: {error}");
    let targets = Targets::from_rows(&gold, all).map_err(wrong)?;
    let options = Options {
        threshold: outcome.threshold,
        at_k: at_k(outcome),
        ties: ties(record),
    };
    let count = notes.len();
    let scores = Scores::new(&wide, count, all).map_err(wrong)?;
    let evaluated = evaluate(&scores, &targets, &options).map_err(wrong)?;
    let least = u64::from(outcome.small_counts.least());
    let curves = curves(&scores, &targets, &evaluated.per_code, least).map_err(wrong)?;
    let drawn = move |draws: &Draws| match Scores::new(&wide, count, all) {
        Ok(scores) => resample_areas(&scores, &targets, draws),
        Err(_) => Redraws::new(),
    };
    Ok((evaluated, curves, Box::new(drawn)))
}

fn ties(record: &Record) -> TieOrder {
    let settings = record.stages.get(&StageName::Record).map(|stage| &stage.settings);
    let said = settings.and_then(|settings| settings.get("evaluation")?.get("ties")?.as_str());
    match said {
        Some("lower-index-first") => TieOrder::LowerIndexFirst,
        _ => TieOrder::HigherIndexFirst,
    }
}

/// Intervals, and what lies beside the rows, are those of the notes' own draws.
fn of_redraws(reported: &Reported, outcome: &Outcome, named: &NamedDraws, made: &Redraws) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(facts) = &outcome.redrawn else {
        // A record of a program before intervals has none of all this.
        if !outcome.intervals.is_empty() || reported.resamples.is_some() {
            problems.push("redrawn is missing, though there are intervals or redraws".into());
        }
        return problems;
    };
    let expected = (named.fingerprint.as_str(), named.patients, named.draws.redraws());
    if (facts.draws.as_str(), facts.patients as usize, facts.redraws as usize) != expected {
        problems.push("redrawn: the draws are not those of the rows' notes and patients".into());
        return problems;
    }
    for (name, redraws) in made {
        let (Some(score), found) = (outcome.scores.get(name), outcome.intervals.get(name)) else {
            continue;
        };
        let made = interval(*score, redraws).map(|made| made.of_share());
        match (found, made) {
            (Some(found), Some(made)) => {
                let ScoreInterval {
                    low,
                    high,
                    standard_error,
                } = *found;
                let ends = [
                    ("low", low, made.low),
                    ("high", high, made.high),
                    ("standard-error", standard_error, made.se),
                ];
                let each =
                    ends.map(|(end, found, made)| differs(&format!("intervals.{name}.{end}"), found, made, FROM_ROWS));
                problems.extend(each.into_iter().flatten());
            }
            (None, None) => {}
            _ => problems.push(format!(
                "intervals.{name} is there and cannot be, or the other way round"
            )),
        }
    }
    for bin in &outcome.frequency_bins {
        let both = [
            ("micro-f1", Some(bin.micro_f1), bin.micro_f1_interval),
            ("macro-f1-present", bin.macro_f1_present, bin.macro_f1_present_interval),
        ];
        for (metric, value, found) in both {
            let name = of_bin(metric, bin.lower);
            let (Some(value), Some(redraws)) = (value, made.get(&name)) else {
                continue;
            };
            let made = interval(value, redraws).map(|made| made.of_share());
            let ends = |found: Option<[f64; 3]>| found.unwrap_or([f64::NAN; 3]);
            let found = ends(found.map(|found| [found.low, found.high, found.standard_error]));
            let made = ends(made.map(|made| [made.low, made.high, made.se]));
            let each = found.into_iter().zip(made);
            let what = format!("the interval of {name}");
            problems.extend(each.filter_map(|(found, made)| differs(&what, found, made, FROM_ROWS)));
        }
    }
    if let Some(kept) = &reported.resamples {
        if kept.draws != named.fingerprint {
            problems.push("the redraws beside the rows by note are of other notes".into());
        }
        for (name, made) in made {
            let same = kept.values.get(name).is_some_and(|kept| {
                let each = || kept.iter().zip(made);
                kept.len() == made.len() && each().all(|(kept, made)| differs("", *kept, *made, "").is_none())
            });
            if !same {
                problems.push(format!("the redraws of {name} are not those of {FROM_ROWS}"));
            }
        }
    }
    problems
}
