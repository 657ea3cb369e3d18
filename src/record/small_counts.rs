//! What becomes of counts that are so small that they may point at single patients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CodeRow;

/// The rule for rows by code and for curves. Records of data under a use agreement withhold small counts; records of public
/// data show all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SmallCounts {
    /// Every code has its row.
    Shown,
    /// A code that fewer than 11 training notes or fewer than 11 evaluation notes have has no row: no cell of 1 to 10
    /// may be shown, the Cell Size Suppression Policy of the Centers for Medicare & Medicaid Services, which data use
    /// agreements in the United States follow. Points of curves that so few pairs decide are left out, and bins are put
    /// together until each has as many.
    BelowElevenWithheld,
}

impl SmallCounts {
    /// The least count that may be shown beside 0.
    pub fn least(self) -> u32 {
        match self {
            Self::Shown => 1,
            Self::BelowElevenWithheld => 11,
        }
    }

    /// The rows that may be shown.
    pub fn shown(self, rows: Vec<CodeRow>) -> Vec<CodeRow> {
        let few = |count: u32| count < self.least();
        let shows = |row: &CodeRow| match self {
            Self::Shown => true,
            Self::BelowElevenWithheld => !few(row.training) && !few(row.tp + row.fn_),
        };
        rows.into_iter().filter(shows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_few_notes_has_no_row_where_small_counts_are_withheld() {
        let row = |training, tp, fn_| CodeRow {
            code: "A00".into(),
            training,
            tp,
            fp: 0,
            fn_,
            roc_auc: None,
            pr_auc: None,
        };
        let rows = vec![row(11, 5, 6), row(10, 11, 0), row(100, 4, 6), row(0, 0, 11)];
        assert_eq!(SmallCounts::Shown.shown(rows.clone()).len(), 4);
        assert_eq!(SmallCounts::BelowElevenWithheld.shown(rows.clone()), rows[..1]);
    }
}
