//! A suite up to the point where its first cell would train.

use std::cell::RefCell;
use std::time::Duration;

use burn::tensor::Device;
use icdbench::plan::Plan;
use icdbench::results::Store;
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

/// The plan of a suite after the stages before training of all its cells, and what the user was told.
pub fn prepared(text: &str) -> Result<(Plan, Vec<String>), String> {
    let scratch = tempfile::tempdir().unwrap();
    let suite = Suite::parse(text, "my.toml").map_err(|error| error.to_string())?;
    let registry = icdbench::data::registry().unwrap();
    let plan = Plan::make(suite, &registry, None, "flex").map_err(|error| error.to_string())?;
    let notices = Notices::default();
    let device = Device::flex();
    let store = Store::new(scratch.path(), None);
    let workshop = Workshop::new(&plan, (&registry, None), store, (&device, Duration::MAX), &notices).unwrap();
    for cell in &plan.cells {
        workshop.prepare(cell).map_err(|stop| stop.to_string())?;
    }
    drop(workshop);
    Ok((plan, notices.0.into_inner()))
}
