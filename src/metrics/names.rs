//! The table of metrics: name, title and definition, with who defined it that way.

/// One metric, or one family of metrics over k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Stable name, the key in [`super::Evaluation::scores`]. A family ends in `-at-k`, where a
    /// score's name has the number.
    pub name: &'static str,
    /// Short title for a table's head; a family has `k` for the number.
    pub title: &'static str,
    /// Whether a greater value is better.
    pub higher_is_better: bool,
    /// What is divided by what, and what 0/0 counts as.
    pub definition: &'static str,
    /// Where this definition comes from.
    pub source: &'static str,
}

/// Every metric, in the order of `icdbench list`; reports have an order of their own.
///
/// Decisions are score > threshold. tp, fp and fn are counts over (note, code) cells. "Present"
/// codes have at least one gold pair among the evaluated notes.
pub const METRICS: &[MetricInfo] = &[
    metric(
        "micro-f1",
        "Micro-F1",
        "2tp / (2tp + fp + fn) over all cells; 0/0 is 0",
        CAML,
    ),
    metric(
        "micro-precision",
        "Micro-P",
        "tp / (tp + fp) over all cells; 0/0 is 0",
        CAML,
    ),
    metric(
        "micro-recall",
        "Micro-R",
        "tp / (tp + fn) over all cells; 0/0 is 0",
        CAML,
    ),
    metric(
        "micro-f1-present",
        "Micro-F1 (present)",
        "Micro-F1 over the cells of present codes; no note is dropped; undefined without gold pairs",
        EDIN,
    ),
    metric(
        "macro-f1-caml",
        "Macro-F1 (CAML)",
        "Harmonic mean of macro-precision and macro-recall",
        CAML,
    ),
    metric(
        "macro-f1-all",
        "Macro-F1 (all)",
        "Mean per-code F1 over all codes; 0/0 is 0",
        "Kim et al. 2022 (ANEMIC), scikit-learn; f1_macro_mullenbach of Edin et al. 2023",
    ),
    metric(
        "macro-f1-present",
        "Macro-F1 (present)",
        "Mean per-code F1 over present codes; undefined without gold pairs",
        EDIN,
    ),
    metric(
        "macro-precision",
        "Macro-P",
        "Mean per-code precision over all codes; 0/0 is 0",
        CAML,
    ),
    metric(
        "macro-recall",
        "Macro-R",
        "Mean per-code recall over all codes; 0/0 is 0",
        CAML,
    ),
    metric(
        "micro-roc-auc",
        "Micro-AUC",
        "Share of (gold, other) pairs of cells in the right order, ties half; undefined without gold or without other cells",
        CAML,
    ),
    metric(
        "micro-roc-auc-present",
        "Micro-AUC (present)",
        "Micro-AUC over the cells of present codes",
        EDIN,
    ),
    metric(
        "macro-roc-auc",
        "Macro-AUC",
        "Mean per-code ROC-AUC over codes that some notes have and some do not; undefined without such codes",
        CAML,
    ),
    metric(
        "micro-pr-auc",
        "Micro-AP",
        "Average precision over all cells, sum of (R_n - R_(n-1)) P_n, equal scores one threshold; undefined without gold pairs",
        SKLEARN,
    ),
    metric(
        "macro-pr-auc",
        "Macro-AP",
        "Mean per-code average precision over present codes; undefined without gold pairs",
        SKLEARN,
    ),
    metric(
        "precision-at-k",
        "P@k",
        "Gold codes among the top k, divided by min(k, codes), mean over notes",
        CAML,
    ),
    metric(
        "recall-at-k",
        "R@k",
        "Gold codes among the top k, divided by the note's gold codes (0/0 is 0), mean over notes",
        CAML,
    ),
    metric(
        "f1-at-k",
        "F1@k",
        "Harmonic mean of P@k and R@k, each averaged over notes first",
        CAML,
    ),
    metric(
        "map",
        "MAP",
        "Mean over a note's gold codes of the precision at their rank (0 without gold codes), mean over notes",
        EDIN,
    ),
    metric(
        "r-precision",
        "R-precision",
        "Gold codes among the top r, divided by r, where the note has r gold codes (0/0 is 0), mean over notes",
        EDIN,
    ),
    metric(
        "exact-match",
        "Exact match",
        "Share of notes whose predicted codes are exactly the gold codes",
        EDIN,
    ),
    metric(
        "jaccard-micro",
        "Micro-Jaccard",
        "tp / (tp + fp + fn) over all cells; 0/0 is 0; CAML calls it accuracy",
        CAML,
    ),
    metric(
        "jaccard-macro",
        "Macro-Jaccard",
        "Mean per-code tp / (tp + fp + fn) over all codes; 0/0 is 0; CAML calls it accuracy",
        CAML,
    ),
    metric(
        "evidence-f1",
        "Evidence-F1",
        "Micro-F1 over (note, code): a code is right where its span holds a gold span with at most ten characters more on \
         either side",
        CODIESP,
    ),
    metric(
        "evidence-precision",
        "Evidence-P",
        "Pairs that are right by that rule, of those given",
        CODIESP,
    ),
    metric(
        "evidence-recall",
        "Evidence-R",
        "Pairs that are right by that rule, of those that annotators marked",
        CODIESP,
    ),
    metric(
        "evidence-overlap-f1",
        "Evidence-F1 (overlap)",
        "Evidence-F1 where a span that shares a character with a gold one is right",
        "icdbench",
    ),
    metric(
        "evidence-title-f1",
        "Evidence-F1 (by title)",
        "Evidence-F1 of the same codes, each with the words that are most like its title in the place of the model's span",
        "icdbench",
    ),
];

const CAML: &str = "Mullenbach et al. 2018 (CAML), evaluation.py";
const EDIN: &str = "Edin et al. 2023, metrics.py";
const CODIESP: &str = "Miranda-Escalada et al. 2020 (CodiEsp), sub-track X";
const SKLEARN: &str = "scikit-learn, average_precision_score";

/// The table's row for the name of a score; `precision-at-8` finds `precision-at-k`.
pub fn metric_info(name: &str) -> Option<&'static MetricInfo> {
    let (family, _) = split_k(name);
    METRICS.iter().find(|metric| metric.name == family)
}

/// Whether a metric is of the spans that are given as evidence: it needs more than scores and targets.
pub fn is_of_evidence(name: &str) -> bool {
    name.starts_with("evidence-")
}

/// Whether a metric is of the order of the scores: of ranks or areas. Decisions alone do not give it.
pub fn is_by_rank(name: &str) -> bool {
    matches!(name, "map" | "r-precision") || name.contains("-auc") || split_k(name).1.is_some()
}

/// The title for the name of a score: `P@8` for `precision-at-8`.
pub fn metric_title(name: &str) -> Option<String> {
    let title = metric_info(name)?.title;
    Some(match split_k(name).1 {
        Some(k) => title.replace("@k", &format!("@{k}")),
        None => title.to_owned(),
    })
}

/// `precision-at-8` is the family `precision-at-k` at 8; other names are their own family.
fn split_k(name: &str) -> (String, Option<usize>) {
    if let Some((family, number)) = name.rsplit_once("-at-")
        && let Ok(k) = number.parse()
    {
        return (format!("{family}-at-k"), Some(k));
    }
    (name.to_owned(), None)
}

const fn metric(name: &'static str, title: &'static str, definition: &'static str, source: &'static str) -> MetricInfo {
    MetricInfo {
        name,
        title,
        higher_is_better: true,
        definition,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (position, metric) in METRICS.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(metric.name.chars().all(plain), "{}", metric.name);
            assert!(METRICS[..position].iter().all(|other| other.name != metric.name));
            assert!(METRICS[..position].iter().all(|other| other.title != metric.title));
        }
    }

    #[test]
    fn ranks_and_areas_need_scores_and_decisions_do_not() {
        let by_rank = [
            "map",
            "r-precision",
            "precision-at-8",
            "f1-at-5",
            "micro-roc-auc",
            "macro-pr-auc",
        ];
        assert!(by_rank.into_iter().all(is_by_rank));
        let decided = [
            "micro-f1",
            "macro-f1-present",
            "exact-match",
            "jaccard-macro",
            "evidence-f1",
        ];
        assert!(!decided.into_iter().any(is_by_rank));
    }

    #[test]
    fn a_name_with_a_number_finds_its_family() {
        assert_eq!(metric_info("recall-at-15").unwrap().name, "recall-at-k");
        assert_eq!(metric_title("f1-at-8").unwrap(), "F1@8");
        assert_eq!(metric_title("precision-at-k").unwrap(), "P@k");
        assert_eq!(metric_title("map").unwrap(), "MAP");
        assert_eq!(metric_info("accuracy"), None);
    }
}
