//! Reading a prepared data set.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{FORMAT, MANIFEST, Manifest, PreparedSettings, read_rows};
use crate::data::checksum::{self, Fingerprint, file_sha256};
use crate::data::corpus::{Origin, Part};
use crate::data::csv_file::CsvFile;
use crate::data::error::Error;
use crate::data::note::Note;
use crate::data::published_split::PARTS;
use crate::data::recipe::SplitRule;
use crate::data::registry::{Dataset, Registry};

/// Its parts, the titles of its codes, and what it is.
type Found = (Vec<Part>, BTreeMap<String, String>, Origin);

impl Manifest {
    /// Reads the manifest of a prepared directory.
    ///
    /// # Errors
    /// There is none, or it is not one of this program's.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(MANIFEST);
        let not = |found: String| Error::NotPrepared {
            path: path.clone(),
            found,
        };
        checksum::refuse_unless_file(&path)?;
        let bytes = checksum::read(&path)?;
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } =
            serde_json::from_slice(&bytes).map_err(|error| not(format!("no manifest ({error})")))?;
        if format != FORMAT {
            return Err(not(format!(
                "a manifest of format {format}, this program reads {FORMAT}"
            )));
        }
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| not(format!("a damaged manifest ({error})")))?;
        match manifest.is_sealed() {
            true => Ok(manifest),
            false => Err(not("a manifest that was changed since it was written".into())),
        }
    }
}

/// What a cell of the data set lacks, for its record; nothing where it is prepared.
///
/// # Errors
/// The data set of that name is not one that users prepare.
pub(in crate::data) fn lacks(
    settings: &PreparedSettings,
    dataset: &Dataset,
    data_dir: Option<&Path>,
    registry: &Registry,
) -> Result<Option<String>, Error> {
    if !dataset.is_prepared() {
        let prepared = registry.datasets().iter().filter(|dataset| dataset.is_prepared());
        let known: Vec<&str> = prepared.map(|dataset| dataset.name.as_str()).collect();
        return Err(Error::Setting {
            key: "data.prepared.name",
            found: dataset.name.clone(),
            expected: format!("one of {}", known.join(", ")),
        });
    }
    let is_here = data_dir.is_some_and(|data| settings.directory(data).join(MANIFEST).exists());
    Ok((!is_here).then(|| {
        format!(
            "it needs {} ({}), prepared with `icdbench data prepare {} --from EXPORT --to DATA/{}` and `--data DATA`",
            dataset.title,
            dataset.obtain(),
            dataset.name,
            dataset.name
        )
    }))
}

/// SHA-256 over what the settings and the manifest say of the notes; none of them is read.
///
/// # Errors
/// The manifest cannot be read.
pub(in crate::data) fn identity(
    settings: &PreparedSettings,
    dataset: &Dataset,
    data_dir: Option<&Path>,
) -> Result<String, Error> {
    let mut fingerprint = Fingerprint::new("icdbench prepared data 1");
    fingerprint.text(&dataset.name);
    // Where it is away, its cells are skipped, and what is finished must still be found.
    let here = data_dir.filter(|data| settings.directory(data).join(MANIFEST).exists());
    match here {
        None => fingerprint.text("absent"),
        Some(data) => {
            let manifest = Manifest::read(&settings.directory(data))?;
            fingerprint.text(&manifest.fingerprint);
            fingerprint.text(&manifest.titles.sha256);
            fingerprint.number(u64::from(manifest.generated));
        }
    }
    Ok(fingerprint.finish())
}

/// Reads the notes.
///
/// # Errors
/// It is not there, not of the data set, made by other rules than the suite says, or damaged.
pub(in crate::data) fn read(
    settings: &PreparedSettings,
    dataset: &Dataset,
    data_dir: Option<&Path>,
) -> Result<Found, Error> {
    let directory = settings.directory(dataset.directory(data_dir)?);
    let manifest = Manifest::read(&directory)?;
    check_rules(&manifest, settings, dataset, &directory)?;
    let path = directory.join(&manifest.table.file);
    check_file(&path, &manifest.table.sha256)?;
    let mut parts: Vec<Vec<Arc<Note>>> = PARTS.iter().map(|_| Vec::new()).collect();
    let (rows, fingerprint) = read_rows(&path, |row| {
        let place = PARTS.iter().position(|part| *part == row.split);
        let place = place.ok_or_else(|| Error::NotPrepared {
            path: path.clone(),
            found: "a note of another part than train, dev and test".into(),
        })?;
        let takes = |code: &super::PreparedCode| settings.codes.is_none_or(|codes| codes.takes(code.kind));
        let codes = row.codes.into_iter().filter(takes).map(|code| code.code);
        let mut codes: Vec<String> = codes.collect();
        codes.sort();
        codes.dedup();
        parts[place].push(Arc::new(Note {
            id: row.note,
            patient: row.subject,
            text: row.text,
            codes,
            evidence: Vec::new(),
        }));
        Ok(())
    })?;
    if rows != manifest.table.rows || fingerprint != manifest.fingerprint {
        return Err(Error::NotPrepared {
            path,
            found: "other rows than the manifest says".into(),
        });
    }
    let part = |(name, notes): (&&str, Vec<Arc<Note>>)| Part {
        name: (*name).into(),
        notes,
        coded: true,
        uncoded_reason: None,
    };
    let origin = Origin {
        generated: manifest.generated,
        published_split: matches!(manifest.recipe.split(), SplitRule::Published(_)),
        remarks: Vec::new(),
    };
    Ok((
        PARTS.iter().zip(parts).map(part).collect(),
        titles(&directory, &manifest)?,
        origin,
    ))
}

/// Whether it was made as the suite means. Generated notes have a split of their own, and say that they are generated
/// wherever they are shown.
fn check_rules(
    manifest: &Manifest,
    settings: &PreparedSettings,
    dataset: &Dataset,
    directory: &Path,
) -> Result<(), Error> {
    let place = directory.join(MANIFEST);
    if manifest.dataset != dataset.name {
        return Err(Error::NotPrepared {
            path: place,
            found: format!("the data set {} in the place of {}", manifest.dataset, dataset.name),
        });
    }
    let Some(recipe) = &dataset.prepare else {
        return Ok(());
    };
    let meant = recipe.with(&settings.rules).map_err(|problem| Error::Setting {
        key: "data.prepared.rules",
        found: settings.rules.join(" "),
        expected: problem,
    })?;
    if meant == manifest.recipe {
        return Ok(());
    }
    let rules = |rules: &[String], registry: &str| match rules {
        [] => format!("the rules of {registry}"),
        rules => rules.join(" "),
    };
    Err(Error::OtherRules {
        path: place,
        found: rules(&manifest.changed_rules, "the registry as it was then"),
        expected: rules(&settings.rules, "the registry as it is"),
    })
}

fn check_file(path: &Path, expected: &str) -> Result<(), Error> {
    let found = file_sha256(path)?;
    match found == expected {
        true => Ok(()),
        false => Err(Error::NotPrepared {
            path: path.to_owned(),
            found: format!("sha256 {found}, the manifest says {expected}"),
        }),
    }
}

fn titles(directory: &Path, manifest: &Manifest) -> Result<BTreeMap<String, String>, Error> {
    let path = directory.join(&manifest.titles.file);
    check_file(&path, &manifest.titles.sha256)?;
    let mut file = CsvFile::open(&path)?;
    let (code, title) = (file.column("code")?, file.column("title")?);
    let mut titles = BTreeMap::new();
    while let Some(row) = file.next_row()? {
        let title = row.text(title)?;
        if !title.is_empty() {
            titles.insert(row.text(code)?.into_owned(), title.into_owned());
        }
    }
    Ok(titles)
}
