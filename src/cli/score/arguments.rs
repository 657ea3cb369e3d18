//! What `icdbench score` takes.

use std::path::PathBuf;

use clap::Args;

use super::track::Subtrack;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The suite whose notes were given to the system, a file or the name of a built-in one: its rules judge, and the record
    /// stands in its reports.
    #[arg(required_unless_present = "codiesp", conflicts_with = "codiesp")]
    pub(super) suite: Option<PathBuf>,
    /// With a suite: a file of notes, codes and scores (.csv, .tsv, .jsonl, .parquet; without scores the system only decides).
    /// With --codiesp: the run, case and code between tabs, the best code of a case first; for X case, place (`100 115`), kind
    /// and code.
    #[arg(long, value_name = "FILE")]
    pub(super) predictions: PathBuf,
    /// What the system is called in tables.
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "codiesp",
        conflicts_with = "codiesp"
    )]
    pub(super) system: Option<String>,
    /// What is known of the data that it was trained on: it stands beside its scores.
    #[arg(long, value_name = "TEXT", conflicts_with = "codiesp")]
    pub(super) trained_on: Option<String>,
    /// Its predictions for the suite's validation notes, which choose the threshold where the suite tunes it.
    #[arg(long, value_name = "FILE", conflicts_with = "codiesp")]
    pub(super) validation: Option<PathBuf>,
    /// What a score must be above for its code to be predicted, 0 to 1.
    #[arg(long, value_name = "T", conflicts_with_all = ["codiesp", "validation"], value_parser = share)]
    pub(super) threshold: Option<f32>,
    /// How many tokens of a note the system read at most [default: all].
    #[arg(long, value_name = "TOKENS", conflicts_with = "codiesp", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) length: Option<u32>,
    /// Which of several runs of the system this is.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "codiesp")]
    pub(super) seed: u64,
    /// Greatest share of the notes without a prediction, and of the predictions of codes that no note has, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, conflicts_with = "codiesp", value_parser = share64)]
    pub(super) most_left_out: f64,
    /// By the rules of the CodiEsp track's scripts: D, diagnoses, and P, procedures, by rank; X, both with the place of
    /// their evidence.
    #[arg(long, value_name = "SUBTRACK", ignore_case = true, requires = "gold")]
    pub(super) codiesp: Option<Subtrack>,
    /// The gold file as the track gives it: case and code between tabs; for X case, kind, code, evidence and its place.
    #[arg(long, value_name = "FILE", requires = "codiesp")]
    pub(super) gold: Option<PathBuf>,
    /// A list of valid codes, the first column of each line, as the track gives them; may be repeated (X takes those of D and
    /// P). Predicted codes that no list has are left out before they get a rank. Without a list all count.
    #[arg(long, value_name = "FILE", requires = "codiesp")]
    pub(super) valid_codes: Vec<PathBuf>,
}

fn share(text: &str) -> Result<f32, String> {
    let found = text.parse().ok().filter(|found| (0.0..=1.0).contains(found));
    found.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn share64(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|found| (0.0..=1.0).contains(found));
    found.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
