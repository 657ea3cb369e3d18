//! From exports to prepared data sets: generated exports are prepared, and every text, code and count is what a plain
//! reading of the generator's own list gives.

#[path = "prepare/bad_inputs.rs"]
mod bad_inputs;
#[path = "prepare/differing.rs"]
mod differing;
#[path = "prepare/fuzz.rs"]
mod fuzz;
#[path = "prepare/mimic3.rs"]
mod mimic3;
#[path = "prepare/mimic4.rs"]
mod mimic4;
#[path = "prepare/place.rs"]
mod place;
#[path = "prepare/published.rs"]
mod published;
#[path = "prepare/support.rs"]
mod support;
#[path = "prepare/truth.rs"]
mod truth;
#[path = "prepare/visits.rs"]
mod visits;
