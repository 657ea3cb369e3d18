//! All works, from the files that are built into the program or from a folder of such files. A file whose hash is not the
//! one in `SHA256SUMS` is refused, so that no digit changes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::claim::ClaimsFile;
use super::claims::check_references;
use super::error::Error;
use super::source::Source;
use crate::record::hex;

/// A file with its name in `baselines/`.
macro_rules! embedded {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../baselines/", $name)))),*] };
}

/// The works, in the order in which they are listed: the three whose tables are in full first.
const PUBLISHED: &[(&str, &str)] = embedded![
    "published/bert-xml.toml",
    "published/longbert.toml",
    "published/magic-of-bert.toml",
    "published/anemic.toml",
    "published/caml.toml",
    "published/clinical-longformer.toml",
    "published/codiesp-2020.toml",
    "published/cogent.toml",
    "published/edin-2023.toml",
    "published/gki-icd.toml",
    "published/kept.toml",
    "published/laat.toml",
    "published/libmultilabel.toml",
    "published/llm4icd.toml",
    "published/lopez-garcia-2021.toml",
    "published/marn.toml",
    "published/msmn.toml",
    "published/multirescnn.toml",
    "published/plm-ca.toml",
    "published/plm-icd.toml",
    "published/puts-2025.toml",
    "published/rey-blanco-2026.toml",
];
const PUBLISHED_SUMS: &str = include_str!("../../baselines/published/SHA256SUMS");
const CLAIMS: &[(&str, &str)] = embedded![
    "claims/bert-xml.toml",
    "claims/longbert.toml",
    "claims/magic-of-bert.toml",
    "claims/caml.toml",
    "claims/codiesp-2020.toml",
    "claims/edin-2023.toml",
    "claims/lopez-garcia-2021.toml",
];
const CLAIMS_SUMS: &str = include_str!("../../baselines/claims/SHA256SUMS");

const SUMS: &str = "SHA256SUMS";

/// The files of the registry that is built into the program: each one's path in `baselines/`, and its text.
pub fn built_in_files() -> impl Iterator<Item = (String, &'static str)> {
    let texts = PUBLISHED
        .iter()
        .chain(CLAIMS)
        .map(|(name, text)| ((*name).to_owned(), *text));
    let sums = [("published", PUBLISHED_SUMS), ("claims", CLAIMS_SUMS)];
    texts.chain(sums.map(|(folder, text)| (format!("{folder}/{SUMS}"), text)))
}

/// The registry.
#[derive(Clone, Debug)]
pub struct Published {
    /// In the order of the registry.
    pub sources: Vec<Source>,
}

impl Published {
    /// The one that is built into the program.
    ///
    /// # Errors
    /// A file is not what it should be, which a test of the project rules out.
    pub fn built_in() -> Result<Self, Error> {
        Self::of(PUBLISHED, PUBLISHED_SUMS, CLAIMS, CLAIMS_SUMS)
    }

    /// The one of a folder that has `published/` and, where there are claims, `claims/`, each with its `SHA256SUMS`.
    ///
    /// # Errors
    /// A file cannot be read, was changed, or refers to what is not there.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let published = files(&folder.join("published"), "published")?;
        let claims = match folder.join("claims").is_dir() {
            true => files(&folder.join("claims"), "claims")?,
            false => Files::default(),
        };
        Self::of(&published.borrowed(), &published.sums, &claims.borrowed(), &claims.sums)
    }

    fn of(
        published: &[(&str, &str)],
        published_sums: &str,
        claims: &[(&str, &str)],
        claims_sums: &str,
    ) -> Result<Self, Error> {
        all_there(published, published_sums)?;
        all_there(claims, claims_sums)?;
        let mut sources = Vec::new();
        for (file, text) in published {
            unchanged(file, text, published_sums)?;
            let source: Source = parse(file, text)?;
            check(file, &source)?;
            if sources
                .iter()
                .any(|other: &Source| other.paper.name == source.paper.name)
            {
                return Err(Error::Reference {
                    file: (*file).into(),
                    place: "paper".into(),
                    problem: format!("a second file of the name {:?}", source.paper.name),
                });
            }
            sources.push(source);
        }
        for (file, text) in claims {
            unchanged(file, text, claims_sums)?;
            let ClaimsFile { paper, claims } = parse(file, text)?;
            let known: Vec<String> = sources.iter().map(|source| source.paper.name.clone()).collect();
            let source = sources.iter_mut().find(|source| source.paper.name == paper);
            let source = source.ok_or_else(|| Error::Reference {
                file: (*file).into(),
                place: "paper".into(),
                problem: format!("{paper:?}: expected one of {}", known.join(", ")),
            })?;
            let mut names = BTreeSet::new();
            for claim in &claims {
                let wrong = |problem: String| Error::Reference {
                    file: (*file).into(),
                    place: format!("claim {}", claim.name),
                    problem,
                };
                if !names.insert(&claim.name) {
                    return Err(wrong("two claims of this name: give each its own".into()));
                }
                if claim.checks.is_empty() {
                    return Err(wrong("no checks: expected at least one".into()));
                }
                for check in &claim.checks {
                    check_references(source, check).map_err(wrong)?;
                }
            }
            source.claims.extend(claims);
        }
        Ok(Self { sources })
    }

    /// The work of that name.
    ///
    /// # Errors
    /// None is called so; the error names those that are.
    pub fn paper(&self, name: &str) -> Result<&Source, Error> {
        let found = self.sources.iter().find(|source| source.paper.name == name);
        found.ok_or_else(|| Error::Unknown {
            what: "paper".into(),
            name: name.into(),
            known: self.names().join(", "),
        })
    }

    /// The names of all works.
    pub fn names(&self) -> Vec<&str> {
        self.sources.iter().map(|source| source.paper.name.as_str()).collect()
    }
}

/// The files of a folder, in the order of their names.
#[derive(Default)]
struct Files {
    texts: BTreeMap<String, String>,
    sums: String,
}

impl Files {
    fn borrowed(&self) -> Vec<(&str, &str)> {
        self.texts.iter().map(|(name, text)| (&**name, &**text)).collect()
    }
}

fn files(folder: &Path, shown: &str) -> Result<Files, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| Error::Read { path, source }
    };
    let read = |path: &Path| std::fs::read_to_string(path).map_err(at(path));
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            texts.insert(format!("{shown}/{name}"), read(&path)?);
        }
    }
    Ok(Files {
        texts,
        sums: read(&folder.join(SUMS))?,
    })
}

/// Refuses sums of a file that is not there.
fn all_there(files: &[(&str, &str)], sums: &str) -> Result<(), Error> {
    let listed = sums.lines().filter_map(|line| Some(line.split_once("  ")?.1));
    for name in listed {
        if !files.iter().any(|(file, _)| file.rsplit('/').next() == Some(name)) {
            return Err(Error::Reference {
                file: name.into(),
                place: SUMS.into(),
                problem: "it is listed and not there: put it back, or take it out of the list".into(),
            });
        }
    }
    Ok(())
}

/// Refuses a file whose hash is not kept, or is another.
fn unchanged(file: &str, text: &str, sums: &str) -> Result<(), Error> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let lines = sums.lines().filter_map(|line| line.split_once("  "));
    let kept = lines.filter(|(_, of)| *of == name).map(|(sum, _)| sum).next();
    let found = hex(&Sha256::digest(text));
    match kept {
        Some(kept) if kept == found => Ok(()),
        _ => Err(Error::Changed {
            file: file.into(),
            expected: kept.unwrap_or("none").into(),
            found,
        }),
    }
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|source| Error::Parse {
        file: file.into(),
        source: Box::new(source),
    })
}

/// What a file's parts say of each other.
fn check(file: &str, source: &Source) -> Result<(), Error> {
    let wrong = |place: String, problem: String| Error::Reference {
        file: file.into(),
        place,
        problem,
    };
    let mut numbers = BTreeSet::new();
    for table in &source.tables {
        let place = format!("table {}", table.number);
        if !numbers.insert(&table.number) {
            return Err(wrong(place, "two tables of this number".into()));
        }
        let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        if columns.len() != table.columns.len() {
            return Err(wrong(place, "two columns of one name".into()));
        }
        for row in &table.rows {
            if let Some(column) = row.cells.keys().find(|column| !columns.contains(column.as_str())) {
                let problem = format!("{:?} has a cell in {column:?}, which is no column", row.label);
                return Err(wrong(place, problem));
            }
            if row.run.is_some() && table.suite.is_none() {
                return Err(wrong(
                    place,
                    format!("{:?} has a run, and the table no suite", row.label),
                ));
            }
        }
    }
    Ok(())
}
