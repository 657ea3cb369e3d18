//! Which cells are the same, and what a report calls them: as little as tells them apart.

use std::collections::BTreeSet;

use crate::record::CellDescription;

/// What makes two cells the same cell. The suite's name is left out: suites share cells.
pub type Identity<'c> = (TaskKey<'c>, RunKey<'c>, u32, u64);
/// Data set, label set, scored part.
pub type TaskKey<'c> = (&'c str, &'c str, &'c str);
/// Run, model, device, precision.
pub type RunKey<'c> = (&'c str, &'c str, &'c str, &'c str);

/// What the cells of one table have in common.
pub fn task_key(cell: &CellDescription) -> TaskKey<'_> {
    (&cell.dataset, &cell.labels, &cell.evaluation_part)
}

fn run_key(cell: &CellDescription) -> RunKey<'_> {
    (&cell.run, &cell.model, &cell.device, &cell.precision)
}

/// What tells a cell from every other.
pub fn identity(cell: &CellDescription) -> Identity<'_> {
    (task_key(cell), run_key(cell), cell.length, cell.seed)
}

/// Which parts of a cell's description tell cells of this suite apart, hence must be shown.
pub struct Names {
    several_tasks: bool,
    several_models_per_run: bool,
    several_devices: bool,
    several_precisions: bool,
}

impl Names {
    /// Looks at all cells of a suite.
    pub fn of(cells: &[&CellDescription]) -> Self {
        let several = |part: &dyn Fn(&CellDescription) -> String| {
            cells.iter().map(|cell| part(cell)).collect::<BTreeSet<_>>().len() > 1
        };
        let runs: BTreeSet<_> = cells.iter().map(|cell| &cell.run).collect();
        let models: BTreeSet<_> = cells.iter().map(|cell| (&cell.run, &cell.model)).collect();
        Self {
            several_tasks: several(&|cell| format!("{:?}", task_key(cell))),
            several_models_per_run: models.len() > runs.len(),
            several_devices: several(&|cell| cell.device.clone()),
            several_precisions: several(&|cell| cell.precision.clone()),
        }
    }

    /// Title of the cell's task.
    pub fn task(&self, cell: &CellDescription) -> String {
        let (dataset, labels, part) = task_key(cell);
        format!("{dataset}, {labels}, {part}")
    }

    /// The title as a part of a file name; empty where the suite has one task.
    pub fn slug(&self, cell: &CellDescription) -> String {
        if !self.several_tasks {
            return String::new();
        }
        let words = self.task(cell).to_lowercase();
        let words = words.split(|character: char| !character.is_ascii_alphanumeric());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// Label of the cell's run.
    pub fn run(&self, cell: &CellDescription) -> String {
        let mut qualifiers = Vec::new();
        if self.several_models_per_run {
            qualifiers.push(cell.model.as_str());
        }
        if self.several_devices {
            qualifiers.push(&cell.device);
        }
        if self.several_precisions {
            qualifiers.push(&cell.precision);
        }
        if qualifiers.is_empty() {
            return cell.run.clone();
        }
        format!("{} ({})", cell.run, qualifiers.join(", "))
    }
}
