//! How each metric is headed and printed, with the definition that [`crate::metrics`] gives it. Ratios are
//! printed as the field does: as percentages with one decimal.

use std::collections::BTreeSet;

use crate::metrics::{metric_info, metric_title};

/// One metric as a report shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name in the records, such as `micro-f1`.
    pub name: String,
    /// The heading in tables and plots, such as `Micro-F1`.
    pub label: String,
    /// What it is and who defined it that way, in one line.
    pub definition: String,
    /// Whether the value is a share between 0 and 1, printed as a percentage.
    pub ratio: bool,
    /// Whether a greater value is a better one.
    pub greater_is_better: bool,
}

impl Metric {
    /// The metric of a name found in a record. A name this program does not know is shown as it
    /// stands, unscaled.
    pub fn named(name: &str) -> Self {
        let info = metric_info(name);
        let definition = info.map(|info| format!("{} ({})", info.definition, info.source));
        Self {
            name: name.to_owned(),
            label: metric_title(name).unwrap_or_else(|| name.to_owned()),
            definition: definition.unwrap_or_else(|| "as named in the records".to_owned()),
            // Every metric of this program is a share; of another one's nothing is known.
            ratio: info.is_some(),
            greater_is_better: info.is_none_or(|info| info.higher_is_better),
        }
    }

    /// The value as printed: `61.3` for a ratio of 0.613, three decimals for anything else.
    pub fn print(&self, value: f64) -> String {
        if self.ratio {
            format!("{:.1}", 100.0 * value)
        } else {
            format!("{value:.3}")
        }
    }

    /// Heading with the unit: `Micro-F1 (%)`.
    pub fn label_with_unit(&self) -> String {
        if self.ratio {
            format!("{} (%)", self.label)
        } else {
            self.label.clone()
        }
    }
}

/// The metrics of a report among those present in the records, in its order: every P@k, of the R@k only the one with
/// the greatest k.
pub fn choose(present: &BTreeSet<String>) -> Vec<Metric> {
    let cut_offs = |prefix: &str| {
        let mut found: Vec<u32> = present
            .iter()
            .filter_map(|name| name.strip_prefix(prefix)?.parse().ok())
            .collect();
        found.sort_unstable();
        found
    };
    let mut names: Vec<String> = [
        "micro-f1",
        "macro-f1-present",
        "macro-f1-all",
        "macro-f1-caml",
        "micro-roc-auc",
        "macro-roc-auc",
        "micro-pr-auc",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(cut_offs("precision-at-").iter().map(|k| format!("precision-at-{k}")));
    names.extend(cut_offs("recall-at-").last().map(|k| format!("recall-at-{k}")));
    names.extend(["map", "r-precision", "exact-match", "jaccard-micro"].map(str::to_owned));
    names.extend(["evidence-f1", "evidence-overlap-f1", "evidence-title-f1"].map(str::to_owned));
    names.retain(|name| present.contains(name));
    names.iter().map(|name| Metric::named(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_longest_recall_cut_off_is_shown_and_precision_is_ordered_by_number() {
        let present = [
            "precision-at-15",
            "precision-at-5",
            "recall-at-8",
            "recall-at-15",
            "map",
            "odd",
        ];
        let present: BTreeSet<String> = present.iter().map(|name| name.to_string()).collect();
        let labels: Vec<String> = choose(&present).into_iter().map(|metric| metric.label).collect();
        assert_eq!(labels, ["P@5", "P@15", "R@15", "MAP"]);
    }

    #[test]
    fn ratios_are_percentages_and_unknown_metrics_are_left_as_they_are() {
        assert_eq!(Metric::named("micro-f1").print(0.6134), "61.3");
        assert_eq!(Metric::named("coverage-error").print(12.5), "12.500");
        assert_eq!(Metric::named("precision-at-8").label_with_unit(), "P@8 (%)");
    }
}
