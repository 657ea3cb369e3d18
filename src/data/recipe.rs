//! How raw exports become a data set: `[dataset.prepare.*]` of `datasets.toml`. Every choice that published systems make
//! differently is a named rule here, and has no default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::note::CodeKind;

/// What a data set is prepared from, and by which rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Recipe {
    /// MIMIC-III v1.4: one document an admission, made of its discharge summaries.
    Mimic3(Mimic3Recipe),
    /// MIMIC-IV 2.2 or later with MIMIC-IV-Note: a document for each discharge summary.
    Mimic4(Mimic4Recipe),
    /// A hospital's own export: many notes a visit, as in BERT-XML (Zhang et al. 2020, section 4.1).
    Visits(VisitsRecipe),
}

/// `[dataset.prepare.mimic3]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mimic3Recipe {
    /// How the discharge summaries and addenda of an admission become one document.
    pub addenda: Addenda,
    /// How codes are read from the tables.
    pub code_loading: CodeLoading,
    /// Where dots go.
    pub dots: Dots,
    /// Which tables give codes.
    pub codes: CodesOf,
    /// Codes that fewer admissions with a discharge summary have are removed; 1 keeps all.
    pub min_count: u32,
    /// Admissions that have no code, at all or after `min-count`.
    pub without_codes: WithoutCodes,
    /// Which admission is in which part.
    pub split: SplitRule,
}

/// `[dataset.prepare.mimic4]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mimic4Recipe {
    /// Codes of which version of the ICD: 9 or 10. Admissions without one of this version are not of the set.
    pub version: IcdVersion,
    /// Where dots go.
    pub dots: Dots,
    /// Which tables give codes.
    pub codes: CodesOf,
    /// Codes that fewer admissions with a discharge summary have are removed, diagnoses and procedures apart; 1 keeps all.
    pub min_count: u32,
    /// Admissions that have no code after `min-count`.
    pub without_codes: WithoutCodes,
    /// Which admission is in which part.
    pub split: SplitRule,
}

/// `[dataset.prepare.visits]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VisitsRecipe {
    /// Kinds of notes that are left out, as the column `note_type` has them.
    pub exclude_types: Vec<String>,
    /// Notes with fewer characters are left out.
    pub min_characters: u32,
    /// Codes are in scope that more notes of the training part than this have.
    pub more_than: u32,
    /// Whether a chronic code that a patient has twice is given to all of the patient's visits since the first time.
    pub impute_chronic: bool,
    /// Notes that have no code in scope.
    pub without_codes: WithoutCodes,
    /// Which note is in which part, by patient.
    pub split: SplitRule,
}

/// How the discharge summaries and addenda of one admission become one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Addenda {
    /// In the order of the rows, with a space between (Mullenbach et al. 2018, caml-mimic).
    Caml,
    /// In the order of the rows, with a space between; admissions are told apart by subject and admission (Edin et al.
    /// 2023, medical-coding-reproducibility).
    Edin,
    /// In the order of chart time, chart date (missing ones last), then description from Z to A; a text that came before is
    /// left out; with an empty line between (Vu et al. 2020, LAAT).
    Laat,
    /// Reports before addenda, each in the order of chart time, chart date (missing ones first) and row number, with a space
    /// between (Edin et al. 2024, explainable-medical-coding).
    ReportFirst,
}

/// How codes are read from the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeLoading {
    /// As strings: `0117` is `01.17`.
    Correct,
    /// Procedure codes as whole numbers, as caml-mimic reads them: `0117` loses its zero, becomes `11.7` and is then one
    /// code with `117`. It also reads its own table of codes again by chunks, so that codes of a chunk without letters lose
    /// zeros at the end too (`93.90`, `93.9`); which chunks those are depends on its reader's memory, and is not imitated.
    CamlFaithful,
}

/// Where dots go. Diagnoses of ICD-9 have theirs after three characters, those that begin with E after four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dots {
    /// Only where something follows the dot.
    BetweenOnly,
    /// Always one in procedures of ICD-9 (`93.` of two digits), as caml-mimic and LAAT do.
    Caml,
    /// Always one in diagnoses of ICD-10 (`Z23.`), as medical-coding-reproducibility does.
    Edin,
}

/// Which codes are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodesOf {
    /// Diagnoses alone.
    Diagnoses,
    /// Procedures alone.
    Procedures,
    /// Diagnoses and procedures.
    Both,
}

impl CodesOf {
    /// Whether codes of a kind are taken.
    pub fn takes(self, kind: CodeKind) -> bool {
        match self {
            Self::Diagnoses => kind == CodeKind::Diagnosis,
            Self::Procedures => kind == CodeKind::Procedure,
            Self::Both => true,
        }
    }
}

/// A version of the International Classification of Diseases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub enum IcdVersion {
    /// ICD-9-CM.
    Nine,
    /// ICD-10-CM and ICD-10-PCS.
    Ten,
}

impl TryFrom<u8> for IcdVersion {
    type Error = String;

    fn try_from(version: u8) -> Result<Self, String> {
        match version {
            9 => Ok(Self::Nine),
            10 => Ok(Self::Ten),
            other => Err(format!("expected 9 or 10, found {other}")),
        }
    }
}

impl From<IcdVersion> for u8 {
    fn from(version: IcdVersion) -> Self {
        match version {
            IcdVersion::Nine => 9,
            IcdVersion::Ten => 10,
        }
    }
}

/// What becomes of documents without a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutCodes {
    /// They stay; a suite's `notes-without-codes` decides.
    Keep,
    /// They are left out, and counted.
    Drop,
}

/// Which document is in which part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SplitRule {
    /// As a published list has it: `[split.<name>]` of `datasets.toml`.
    Published(String),
    /// Patients drawn at random.
    ByPatient(Shares),
    /// Patients dealt out so that every code is as frequent in each part (iterative stratification: Sechidis et al. 2011,
    /// by patient as Edin et al. 2023, whose published lists it does not give back: their draw depends on the order of sets).
    Stratified(Shares),
}

/// Shares of the parts; what is left is for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shares {
    /// Of `dev`, between 0 and 1.
    pub dev: f64,
    /// Of `test`, between 0 and 1.
    pub test: f64,
    /// Everything random follows from it.
    pub seed: u64,
}

impl Shares {
    /// Whether both shares are above 0 and leave some for training; else what was found and expected.
    ///
    /// # Errors
    /// They are not.
    pub fn check(&self) -> Result<(), (String, String)> {
        let good = |share: f64| share > 0.0 && share < 1.0;
        match good(self.dev) && good(self.test) && self.dev + self.test < 1.0 {
            true => Ok(()),
            false => Err((
                format!("dev = {} and test = {}", self.dev, self.test),
                "shares above 0 that leave some for training".into(),
            )),
        }
    }
}

impl Recipe {
    /// Which document is in which part.
    pub fn split(&self) -> &SplitRule {
        match self {
            Self::Mimic3(recipe) => &recipe.split,
            Self::Mimic4(recipe) => &recipe.split,
            Self::Visits(recipe) => &recipe.split,
        }
    }

    /// The recipe with some rules in the place of others, each as `rule=value`.
    ///
    /// # Errors
    /// A sentence: no such rule, or no such value.
    pub fn with(&self, changes: &[String]) -> Result<Self, String> {
        let mut whole = toml::Table::try_from(self).map_err(|error| error.to_string())?;
        // The one table in it is that of the export.
        let Some((_, toml::Value::Table(rules))) = whole.iter_mut().next() else {
            return Err("a recipe without rules".into());
        };
        for change in changes {
            let Some((rule, value)) = change.split_once('=') else {
                return Err(format!("{change:?}: expected rule=value, such as addenda=laat"));
            };
            let (rule, value) = (rule.trim(), value.trim());
            if change.chars().any(char::is_control) {
                return Err(format!("{change:?}: expected rule=value on one line"));
            }
            let again = |other: &&String| other.split_once('=').is_some_and(|(other, _)| other.trim() == rule);
            if changes.iter().filter(again).count() > 1 {
                return Err(format!("the rule {rule:?} is changed twice; name it once"));
            }
            if !rules.contains_key(rule) {
                let known: Vec<&str> = rules.keys().map(String::as_str).collect();
                return Err(format!(
                    "no rule is called {rule:?}; expected one of {}",
                    known.join(", ")
                ));
            }
            let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"));
            let parsed = parsed.ok().and_then(|mut table| table.remove("value"));
            rules.insert(rule.into(), parsed.unwrap_or_else(|| value.into()));
        }
        let said = |error: toml::de::Error| format!("{}: {}", changes.join(" "), error.message());
        whole.try_into().map_err(said)
    }
}
