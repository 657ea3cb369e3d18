//! The values of a cell's metrics in the redraws of its evaluation notes: what intervals, comparisons and gates are made
//! of. Private as rows by note are: whoever knows the draws could work back from enough sums to single notes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Metric by metric its value in every redraw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resamples {
    /// The fingerprint of the draws: values of other draws do not pair with these.
    pub draws: String,
    /// Metric to its values, in the order of the redraws; not a number where it is undefined. Besides the metrics of the
    /// records those of a frequency bin, see [`of_bin`].
    pub values: BTreeMap<String, Vec<f64>>,
}

/// What a metric of the codes of one frequency bin is called: that with the least training frequency `lower`.
pub fn of_bin(metric: &str, lower: u32) -> String {
    format!("{metric} of the bin from {lower}")
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    draws: String,
    redraws: usize,
    metrics: Vec<String>,
}

impl Resamples {
    /// As a file: a line of JSON, then the values as 64-bit numbers, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            draws: self.draws.clone(),
            redraws: self.values.values().next().map_or(0, Vec::len),
            metrics: self.values.keys().cloned().collect(),
        };
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        let all = self.values.values().flatten();
        bytes.extend(all.flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// From the bytes of such a file; `None` where they are of another shape.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let (numbers, rest) = bytes[end + 1..].as_chunks::<8>();
        if !rest.is_empty() || numbers.len() != head.redraws.checked_mul(head.metrics.len())? {
            return None;
        }
        let mut columns = numbers.chunks(head.redraws.max(1));
        let values = head.metrics.into_iter().map(|metric| {
            let column = columns.next().unwrap_or_default();
            (metric, column.iter().map(|value| f64::from_le_bytes(*value)).collect())
        });
        Some(Self {
            draws: head.draws,
            values: values.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_other_bytes_are_refused() {
        let values = [("map", vec![0.25, f64::NAN]), ("micro-f1", vec![1.0 / 3.0, 0.0])];
        let written = Resamples {
            draws: "ab".into(),
            values: values.map(|(name, values)| (name.to_owned(), values)).into(),
        };
        let bytes = written.to_bytes();
        let read = Resamples::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(read.values["micro-f1"], written.values["micro-f1"]);
        assert!(read.values["map"][1].is_nan());
        for end in [0, 5, bytes.len() - 1, bytes.len() - 8] {
            assert!(Resamples::from_bytes(&bytes[..end]).is_none(), "{end}");
        }
        assert!(Resamples::from_bytes(b"\n").is_none());
        let empty = Resamples::default();
        assert_eq!(Resamples::from_bytes(&empty.to_bytes()), Some(empty));
    }
}
