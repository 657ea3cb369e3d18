//! `icdbench data prepare`.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::super::terminal::{out, say};
use super::super::{Global, print_columns, print_json, stop};
use crate::data::prepared::{MadeBy, Manifest};
use crate::machine;
use crate::plan::sources::{self, Code};
use crate::prepare::{self, Prepared, Request, Watcher};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The data set, as `icdbench data list` names those that are prepared.
    dataset: String,
    /// The directory of the export as it was downloaded, plain or gzip. It is only read.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The directory to write: a suite looks for DATA/NAME.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// A rule in the place of the registry's, such as addenda=laat or code-loading=caml-faithful; more than once for
    /// several.
    #[arg(long = "rule", value_name = "RULE=VALUE")]
    rules: Vec<String>,
}

pub(super) fn prepare(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    machine::no_core_dumps();
    stop::listen("stopping; nothing is written yet")?;
    let registry = global.registry()?;
    let bar = Bar::new(global);
    let request = Request {
        dataset: registry.find(&arguments.dataset)?,
        registry: &registry,
        changes: &arguments.rules,
        from: &arguments.from,
        to: &arguments.to,
        data: global.data(),
        made_by: MadeBy {
            program: format!("icdbench {}", env!("CARGO_PKG_VERSION")),
            revision: machine::built::GIT_REVISION.into(),
            code: sources::sha256(Code::Preparation),
        },
    };
    let prepared = prepare::prepare(&request, &bar);
    bar.bar.borrow().finish_and_clear();
    let (manifest, made) = match prepared? {
        Prepared::Made(manifest) => (manifest, true),
        Prepared::Unchanged(manifest) => (manifest, false),
    };
    if global.json {
        print_json(&manifest)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !global.quiet {
        show(&manifest)?;
    }
    warn(global, &manifest);
    if !global.quiet {
        let place = arguments.to.display();
        match made {
            true => say!("{} notes in {place}", manifest.table.rows),
            false => say!("{place} is up to date: the same files, rules and program"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What every step left, and what is in the parts.
fn show(manifest: &Manifest) -> Result<()> {
    for step in &manifest.steps {
        out!("{:>12}  {}", step.count, step.what);
    }
    out!("");
    let head = [
        "part",
        "notes",
        "patients",
        "(note, code) pairs",
        "codes",
        "notes without codes",
    ];
    let mut table = vec![head.map(String::from).to_vec()];
    for part in &manifest.parts {
        let counts = [
            part.notes,
            part.patients,
            part.assignments,
            part.codes,
            part.without_codes,
        ];
        table.push(
            [part.name.clone()]
                .into_iter()
                .chain(counts.map(|count| count.to_string()))
                .collect(),
        );
    }
    print_columns(&table)
}

/// What a user should know, whether or not anything else is said.
fn warn(global: &Global, manifest: &Manifest) {
    if manifest.generated {
        global.notice("the export is a generated one: no score on it says anything of a paper");
    }
    if manifest.patients_in_several_parts > 0 {
        global.notice(&format!(
            "{} patients have notes in several parts, as the published list has it: what is scored may have been seen",
            manifest.patients_in_several_parts
        ));
    }
}

/// A bar over the bytes of the large file, then over the rows of the table.
struct Bar {
    bar: RefCell<ProgressBar>,
    shown: bool,
    file: RefCell<String>,
}

impl Bar {
    fn new(global: &Global) -> Self {
        Self {
            bar: RefCell::new(ProgressBar::hidden()),
            shown: !global.quiet && std::io::stderr().is_terminal(),
            file: RefCell::default(),
        }
    }

    fn at(&self, what: &str, template: &str, position: u64, of: u64) {
        if !self.shown {
            return;
        }
        if *self.file.borrow() != what {
            self.bar.borrow().finish_and_clear();
            let bar = ProgressBar::new(of);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
            self.bar.replace(bar);
            self.file.replace(what.to_owned());
        }
        self.bar.borrow().set_position(position);
    }
}

impl Watcher for Bar {
    fn reading(&self, file: &str, bytes: u64, of: u64) {
        self.at(
            file,
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            bytes,
            of,
        );
    }

    fn writing(&self, rows: u64, of: u64) {
        self.at("notes", "{msg} {wide_bar} {pos}/{len} {eta}", rows, of);
    }

    fn stop(&self) -> bool {
        stop::STOP.load(Ordering::Relaxed)
    }
}
