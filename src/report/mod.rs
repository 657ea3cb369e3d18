//! Reports: records in, a folder of tables and plots out. Nothing here runs a model or reads data.
//!
//! [`write_report`] arranges the records ([`summary`]) and decides, once, what stands on the page and in which order
//! ([`page`], with the tables of `scores`, `gains`, `pretraining` and `facts` and the [`plots`]). Markdown, HTML, LaTeX and CSV
//! only spell it. The same records give the same bytes: no clock, no machine path and no hash-map order enters a report.

mod changes;
mod chapters;
mod code_groups;
mod code_tables;
mod codes;
pub mod csv;
mod decisions;
mod earlier;
mod error;
mod escape;
mod facts;
mod figure_sheets;
mod figures;
mod files;
mod gains;
mod glance;
mod glance_words;
pub mod html;
mod html_codes;
mod html_document;
mod html_records;
mod html_table;
mod icd;
pub mod latex;
mod latex_letters;
mod longest;
pub mod markdown;
mod metric;
mod names;
pub mod page;
pub mod plots;
mod pretraining;
mod pretrainings;
mod printed;
mod provenance;
mod ranking;
mod records;
mod scores;
mod sheet;
pub mod spread;
mod suite_text;
pub mod summary;
pub mod table;
pub mod throughput;
mod versions;
mod write;

pub use error::Error;
pub use printed::PrintedScore;
pub use records::MOST_SHEETS;
pub use suite_text::SuiteText;
pub use summary::Coverage;
pub use versions::OtherVersion;
pub use write::{Ended, Written, write_report};
