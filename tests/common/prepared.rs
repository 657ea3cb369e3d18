//! A suite up to the point where its first cell would train.
#![allow(dead_code)] // Each test file uses a part.

use std::cell::RefCell;
use std::time::Duration;

use burn::tensor::Device;
use icdbench::models::Task;
use icdbench::plan::Plan;
use icdbench::results::Store;
use icdbench::results::runner::Runner;
use icdbench::stages::Workshop;
use icdbench::suite::Suite;
use icdbench::train::Observer;

#[derive(Default)]
struct Notices(RefCell<Vec<String>>);

impl Observer for Notices {
    fn notice(&self, sentence: &str) {
        self.0.borrow_mut().push(sentence.to_owned());
    }
}

/// A suite after the stages before training of all its cells that are not skipped.
pub struct Prepared {
    pub plan: Plan,
    /// What the model of each of them is built for.
    pub tasks: Vec<Task>,
    /// What the user was told.
    pub notices: Vec<String>,
}

pub fn prepared(text: &str) -> Result<Prepared, String> {
    let scratch = tempfile::tempdir().unwrap();
    let suite = Suite::parse(text, "my.toml").map_err(|error| error.to_string())?;
    let registry = icdbench::data::registry().unwrap();
    let plan = Plan::make(suite, &registry, None, "flex").map_err(|error| error.to_string())?;
    let notices = Notices::default();
    let device = Device::flex();
    let runner = Runner::new(Store::new(scratch.path(), None)).unwrap();
    let workshop = Workshop::new(&plan, (&registry, None), runner, (&device, Duration::MAX), &notices);
    let cells = plan.cells.iter().filter(|cell| cell.skipped.is_none());
    let tasks = cells.map(|cell| workshop.prepare(cell));
    let tasks = tasks.collect::<Result<_, _>>().map_err(|stop| stop.to_string())?;
    drop(workshop);
    Ok(Prepared {
        plan,
        tasks,
        notices: notices.0.into_inner(),
    })
}
