//! From a raw export (MIMIC-III, MIMIC-IV, a hospital's own) to a prepared data set: one pass over the large file, a
//! spill file for the texts that count, then the table in the order of its ids. The export is only read.
//!
//! Knows exports and rules. What comes out is [`data`](crate::data)'s: its table, its manifest.

mod addenda;
mod chronic;
mod diff;
mod draft;
mod error;
mod export;
mod icd;
mod mimic3;
mod mimic4;
mod parts;
mod request;
mod spill;
mod stratify;
mod tables;
mod visits;
mod write;

pub use diff::{Diff, Noted, Rewritten, Side, diff};
pub use error::Error;
pub use request::{Request, Watcher};

use self::export::Export;
use self::spill::Spill;
use crate::data::Recipe;
use crate::data::prepared::Manifest;

/// What came of it.
pub enum Prepared {
    /// It was made.
    Made(Manifest),
    /// It was there, of the same files, by the same rules and the same code.
    Unchanged(Manifest),
}

/// Prepares a data set.
///
/// # Errors
/// A rule that there is not; a file that is missing or wrong; a split that does not fit; a directory that cannot be
/// written.
pub fn prepare(request: &Request<'_>, watcher: &dyn Watcher) -> Result<Prepared, Error> {
    let recipe = recipe(request)?;
    let export = Export::open(request.from, &recipe)?;
    let place = write::Place::open(request.to, request.from)?;
    if let Some(manifest) = place.unchanged(request, &recipe, &export)? {
        return Ok(Prepared::Unchanged(manifest));
    }
    let work = place.begin()?;
    let mut spill = Spill::create(work.path())?;
    let mut draft = match &recipe {
        Recipe::Mimic3(rules) => mimic3::read(&export, rules, &mut spill, watcher)?,
        Recipe::Mimic4(rules) => mimic4::read(&export, rules, &mut spill, watcher)?,
        Recipe::Visits(rules) => visits::read(&export, rules, &mut spill, watcher)?,
    };
    parts::assign(&mut draft, request, &recipe, &export)?;
    let manifest = write::write(request, recipe, &export, draft, &spill, &work, watcher)?;
    drop(spill);
    place.publish(work, &manifest)?;
    Ok(Prepared::Made(manifest))
}

/// The registry's recipe with the changes that were asked for.
fn recipe(request: &Request<'_>) -> Result<Recipe, Error> {
    let Some(recipe) = &request.dataset.prepare else {
        let prepared = request
            .registry
            .datasets()
            .iter()
            .filter(|dataset| dataset.prepare.is_some());
        return Err(Error::NoRecipe {
            dataset: request.dataset.name.clone(),
            known: prepared.map(|dataset| dataset.name.clone()).collect(),
        });
    };
    recipe.with(request.changes).map_err(|problem| Error::Rule { problem })
}
