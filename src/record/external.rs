//! Scores that another system than this program made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An external system and its file of predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct External {
    /// What it is called.
    pub system: String,
    /// What its makers, or whoever ran it, say of the data that it was trained on; absent where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// Whether its predictions have scores. Of a system that only decides there are no metrics by rank and no areas.
    pub scored: bool,
    /// What of the file was taken, and what was left out.
    pub predictions: LeftOut,
}

impl External {
    /// What stands behind the name of such a run.
    pub const MARK: &str = " (external)";
    /// The setting of the stage `scores` that names the system.
    pub const SETTING: &str = "external";

    /// What a reader must know beside the scores.
    pub fn sentence(&self) -> String {
        let trained_on = self.trained_on.as_deref().unwrap_or("nothing is said of it");
        let mut text = format!(
            "{}: predictions of another system; training data: {trained_on}.",
            self.system
        );
        if !self.scored {
            text += " It decides and gives no scores, so that it has no metrics by rank and no areas.";
        }
        for sentence in self.predictions.sentences() {
            text += &format!(" {sentence}.");
        }
        text
    }
}

/// What of a file of predictions was taken, and what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOut {
    /// Pairs of a scored note and a code of the label set that the file names.
    pub pairs: u64,
    /// Scored notes that the file does not name: nothing is predicted for them.
    pub notes_without_prediction: u32,
    /// Pairs of a note of the data set that is not scored: of another part, or without a code of the label set.
    pub pairs_of_other_notes: u64,
    /// Pairs of a code of the data set that is outside of the label set.
    pub pairs_outside_labels: u64,
    /// Pairs of a code that no note of the data set has. They are no false positives in any metric, as there is no column for
    /// them.
    pub pairs_of_unknown_codes: u64,
}

impl LeftOut {
    /// What to tell, a sentence each, without a full stop.
    pub fn sentences(&self) -> Vec<String> {
        let counted = [
            (
                u64::from(self.notes_without_prediction),
                "scored notes are not in the file: nothing is predicted for them",
            ),
            (
                self.pairs_of_other_notes,
                "pairs are of notes of the data set that are not scored, and are left out",
            ),
            (
                self.pairs_outside_labels,
                "pairs are of codes outside of the label set, and are left out",
            ),
            (
                self.pairs_of_unknown_codes,
                "pairs are of codes that no note of the data set has, and are left out: they count as no mistakes",
            ),
        ];
        let some = counted.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}")).collect()
    }
}
