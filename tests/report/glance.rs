//! The answer before the tables says what the records show, and no more.

use icdbench::report::page::Body;
use icdbench::report::spread::UNFINISHED;

use super::*;

/// The answers of the only task, by their question.
fn answers(records: &[Reported]) -> Vec<(String, String)> {
    let suite = suite(Vec::new());
    let page = page(records, &suite);
    let found = page.blocks.iter().find_map(|block| match &block.body {
        Body::Glance(glance) => Some(glance),
        _ => None,
    });
    let answers = found.map_or(Vec::new(), |glance| {
        let said = glance.answers.iter().map(|answer| {
            (
                answer.question.to_owned(),
                format!("{} {}", answer.short, answer.rest).trim().to_owned(),
            )
        });
        said.collect()
    });
    let markdown = markdown::page(&page);
    for (question, _) in &answers {
        assert!(markdown.contains(&format!("- **{question}**: ")), "{question}");
    }
    answers
}

fn answer(records: &[Reported], question: &str) -> String {
    let answers = answers(records);
    let found = answers.iter().find(|(asked, _)| asked == question);
    found
        .unwrap_or_else(|| panic!("no answer to {question} in {answers:?}"))
        .1
        .clone()
}

fn two(first: f64, second: f64) -> Vec<Reported> {
    vec![
        scored(cell("bert_xml", 512, 1), first),
        scored(cell("long_bert", 512, 1), second),
    ]
}

#[test]
fn the_winner_is_the_run_with_the_best_score_at_its_best_length() {
    let (records, _) = mixed();
    assert_eq!(
        answer(&records, "Best"),
        format!(
            "caml {UNFINISHED} at length 1,024: Micro-F1 44.7 %. The best of 2 runs, each at its best length; one seed; 95 % interval over the evaluation notes 42.7–46.7."
        )
    );
    assert_eq!(
        answer(&records, "Lead"),
        "3.2 points over the second, long_bert at length 512, with 41.5."
    );
    let warnings = answer(&records, "Bear in mind");
    assert!(
        warnings.contains("caml † had not finished learning") && warnings.contains("cells have no scores"),
        "{warnings}"
    );
}

#[test]
fn a_lead_that_the_notes_do_not_show_is_not_claimed() {
    let sure = answer(&two(0.400, 0.402), "How sure");
    assert!(sure.starts_with("The two cannot be told apart."), "{sure}");
    assert!(sure.contains("in 8 of 10 samples"), "{sure}");
    let sure = answer(&two(0.40, 0.50), "How sure");
    assert!(
        sure.starts_with(
            "The two can be told apart. On the same 250 notes and the one seed that both have the lead is 10.0"
        ),
        "{sure}"
    );
    assert!(sure.contains("p < 0.001 (paired randomisation"), "{sure}");
    assert!(
        sure.contains("another training seed would change is not known"),
        "{sure}"
    );
}

#[test]
fn without_rows_by_note_nothing_was_tested() {
    let without = |mut records: Vec<Reported>| {
        records.iter_mut().for_each(|reported| reported.notes = None);
        answer(&records, "How sure")
    };
    let near = without(two(0.40, 0.42));
    assert!(
        near.starts_with("Not tested.") && near.ends_with("overlap, so that from this page they cannot be told apart."),
        "{near}"
    );
    let far = without(two(0.40, 0.50));
    assert!(
        far.starts_with("Not tested.") && far.contains("do not overlap"),
        "{far}"
    );
}

#[test]
fn runs_that_no_seed_has_in_common_are_not_tested() {
    let records = [
        scored(cell("bert_xml", 512, 1), 0.4),
        scored(cell("long_bert", 512, 2), 0.5),
    ];
    assert!(answer(&records, "How sure").starts_with("Not tested. No seed was scored with both."));
}

#[test]
fn of_several_runs_it_is_said_which_the_test_tells_from_the_winner() {
    let mut records = two(0.45, 0.452);
    records.push(scored(cell("caml", 512, 1), 0.30));
    let sure = answer(&records, "How sure");
    assert!(
        sure.starts_with("The two cannot be told apart.")
            && sure.ends_with("The same test tells the winner from caml †."),
        "{sure}"
    );
}

#[test]
fn a_single_run_leads_nobody_and_no_score_gives_no_answer() {
    let one = answers(&[scored(cell("bert_xml", 512, 1), 0.4)]);
    assert!(
        one.iter()
            .all(|(question, _)| question != "Lead" && question != "How sure"),
        "{one:?}"
    );
    assert!(one[0].1.contains("The only run with scores"), "{one:?}");
    assert!(answers(&[ended(cell("caml", 512, 1), Status::Failed, Some("no"))]).is_empty());
}

#[test]
fn the_cost_of_the_winner_stands_beside_that_of_the_second() {
    let records = [
        scored(cell("bert_xml", 512, 1), 0.4),
        scored(cell("long_bert", 1024, 1), 0.5),
    ];
    assert_eq!(
        answer(&records, "Cost"),
        "4.27 min of training a seed, 1.78 GiB of memory at its peak. The second: 2.13 min of training a seed, 1.59 GiB of memory at its peak; the winner was 2.00 times as long in training. Measured on Example CPU 3.0 GHz, 8 threads, device flex."
    );
}
