//! What of a suite is to be done, in which order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::plan::{Cell, Plan};

/// One call of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Task {
    /// What follows the name of the suite's file in `icdbench run SUITE`, or `icdbench report SUITE` of the report.
    pub options: Vec<String>,
    /// The cell's key, of a cell.
    pub cell: Option<String>,
}

/// What a phase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The stages before training that cells share: notes, vocabularies, tokens, word vectors.
    Stages,
    /// The pretraining of an encoder.
    Pretraining,
    /// Cells of runs.
    Cells,
    /// Cells of ensembles, which read what their members left.
    Ensembles,
    /// The report.
    Report,
}

/// Tasks that may go on at the same time and ask for the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Phase {
    /// Its name in a submission: letters, digits and hyphens.
    pub name: String,
    /// What it does.
    pub work: Work,
    /// In the order of the plan.
    pub tasks: Vec<Task>,
    /// What each task asks for.
    pub request: Request,
    /// Phases that must have ended before: their places in the submission, each before this one's. They must have ended
    /// well, where these are stages and pretrainings; cells only must have ended.
    pub after: Vec<usize>,
}

/// The phases of the cells that are to do: stages, pretrainings, cells by what they ask for and what they wait for,
/// ensembles, the report. None where no cell is to do. `shared` is what the first and the last of them ask for, which need no
/// device.
pub fn phases(
    plan: &Plan,
    to_do: &[usize],
    request: impl Fn(&Cell) -> Request,
    of_pretraining: impl Fn(&Cell) -> Request,
    (shared, report): (Request, &[String]),
) -> Vec<Phase> {
    if to_do.is_empty() {
        return Vec::new();
    }
    let mut phases = vec![Phase {
        name: "stages".into(),
        work: Work::Stages,
        tasks: vec![Task {
            options: vec!["--stages".into()],
            cell: None,
        }],
        request: shared,
        after: Vec::new(),
    }];
    let mut pretrainings: BTreeMap<&str, usize> = BTreeMap::new();
    let mut arrays: Vec<(Request, Option<&str>, Vec<usize>)> = Vec::new();
    let mut ensembles = Vec::new();
    for &index in to_do {
        let cell = &plan.cells[index];
        if cell.ensemble.is_some() {
            ensembles.push(index);
            continue;
        }
        let name = plan.suite.pretraining(&plan.suite.runs[cell.run]).map(|(name, _)| name);
        if let Some(name) = name
            && !pretrainings.contains_key(name)
        {
            pretrainings.insert(name, phases.len());
            phases.push(Phase {
                name: format!("pretraining-{}", pretrainings.len()),
                work: Work::Pretraining,
                tasks: vec![Task {
                    options: vec!["--pretrain".into(), name.into()],
                    cell: None,
                }],
                request: of_pretraining(cell),
                after: vec![0],
            });
        }
        let asked = request(cell);
        match arrays.iter_mut().find(|(of, after, _)| (*of, *after) == (asked, name)) {
            Some((.., members)) => members.push(index),
            None => arrays.push((asked, name, vec![index])),
        }
    }
    let task = |&index: &usize| Task {
        options: vec!["--cell-number".into(), (index + 1).to_string(), "--task".into()],
        cell: Some(plan.cells[index].key.clone()),
    };
    let mut of_cells = Vec::new();
    for (number, (asked, name, members)) in arrays.into_iter().enumerate() {
        of_cells.push(phases.len());
        phases.push(Phase {
            name: format!("cells-{}", number + 1),
            work: Work::Cells,
            tasks: members.iter().map(task).collect(),
            request: asked,
            after: vec![name.map_or(0, |name| pretrainings[name])],
        });
    }
    if !ensembles.is_empty() {
        let after = if of_cells.is_empty() { vec![0] } else { of_cells.clone() };
        of_cells.push(phases.len());
        phases.push(Phase {
            name: "ensembles".into(),
            work: Work::Ensembles,
            tasks: ensembles.iter().map(task).collect(),
            request: request(&plan.cells[ensembles[0]]),
            after,
        });
    }
    phases.push(Phase {
        name: "report".into(),
        work: Work::Report,
        tasks: vec![Task {
            options: report.to_vec(),
            cell: None,
        }],
        request: shared,
        after: of_cells,
    });
    phases
}

impl Work {
    /// Whether what comes after it can only be done where it ended well.
    pub fn must_succeed(self) -> bool {
        matches!(self, Self::Stages | Self::Pretraining)
    }

    /// The program's command.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Report => "report",
            _ => "run",
        }
    }
}
