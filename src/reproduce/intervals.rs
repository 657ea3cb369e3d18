//! Intervals of scores, each computed once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::compare;
use crate::record::Reported;

/// Intervals by record and metric; `None` where there is none.
#[derive(Debug, Default)]
pub struct Intervals(RefCell<BTreeMap<(String, String), Option<Interval>>>);

/// Least and greatest value.
type Interval = (f64, f64);

impl Intervals {
    /// From the least to the greatest bound of the records' 95 % intervals over their evaluation notes; `None` where one has
    /// none: the metric is not made of what is known by note, or the rows by note are not here.
    pub fn of(&self, records: &[&Reported], metric: &str) -> Option<(f64, f64)> {
        let each = records.iter().map(|record| self.of_one(record, metric));
        let each: Vec<(f64, f64)> = each.collect::<Option<_>>()?;
        let low = each.iter().map(|bounds| bounds.0).reduce(f64::min)?;
        let high = each.iter().map(|bounds| bounds.1).reduce(f64::max)?;
        Some((low, high))
    }

    fn of_one(&self, record: &Reported, metric: &str) -> Option<(f64, f64)> {
        let key = (record.record.key.clone(), metric.to_owned());
        if let Some(found) = self.0.borrow().get(&key) {
            return *found;
        }
        let found = compare::interval(metric, record).ok();
        self.0.borrow_mut().insert(key, found);
        found
    }
}
