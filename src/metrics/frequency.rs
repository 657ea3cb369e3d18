//! F1 by how often a code occurs in training. Bins are half decades, with a bin of their own for
//! codes never seen in training, so that a bin means the same in every data set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::CodeScore;
use super::error::Error;
use super::fractions::f1;

/// The codes whose training frequency lies in one range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FrequencyBin {
    /// The range as an axis label: `0`, `1-2`, `3-9`, `10-31`, ...
    pub name: String,
    /// Least number of training notes of a code in the bin; 0 in the zero-shot bin.
    pub lower: u32,
    /// Greatest number of training notes; absent for the bin that reaches the end of the counter.
    pub upper: Option<u32>,
    /// Codes in the bin.
    pub codes: u32,
    /// Codes of the bin with a gold pair in this evaluation.
    pub codes_present: u32,
    /// Gold (note, code) pairs of the bin, tp + fn.
    pub gold: u64,
    /// True positives.
    pub tp: u64,
    /// False positives.
    pub fp: u64,
    /// False negatives.
    #[serde(rename = "fn")]
    pub fn_: u64,
    /// F1 over the bin's pooled decisions; 0 when nothing is gold and nothing predicted.
    pub micro_f1: f64,
    /// Mean F1 over the codes present; absent when there is none.
    pub macro_f1_present: Option<f64>,
}

/// Groups codes by their number of training notes, `train_frequency[i]` being that of
/// `per_code[i]`. Bins start at 0, 1 and then at 10^(h/2) rounded (3, 10, 32, 100, 316, ...); only
/// bins that hold codes are returned, rarest first.
///
/// # Errors
/// [`Error::Frequencies`] when the two slices differ in length.
pub fn frequency_bins(per_code: &[CodeScore], train_frequency: &[u32]) -> Result<Vec<FrequencyBin>, Error> {
    if per_code.len() != train_frequency.len() {
        return Err(Error::Frequencies {
            frequencies: train_frequency.len(),
            codes: per_code.len(),
        });
    }
    let edges = lower_edges();
    let mut members: Vec<Vec<&CodeScore>> = vec![Vec::new(); edges.len()];
    for (code, &frequency) in per_code.iter().zip(train_frequency) {
        members[edges.partition_point(|&edge| edge <= frequency) - 1].push(code);
    }
    let bins = members.iter().enumerate().filter(|(_, codes)| !codes.is_empty());
    Ok(bins
        .map(|(bin, codes)| summarise(codes, edges[bin], edges.get(bin + 1).map(|next| next - 1)))
        .collect())
}

/// 0, 1, 3, 10, 32, 100, 316, ...: every half decade that a `u32` can hold.
fn lower_edges() -> Vec<u32> {
    let half_decades = (0..20).map(|half| 10f64.powf(f64::from(half) / 2.0).round());
    let fitting = half_decades.take_while(|&edge| edge <= f64::from(u32::MAX));
    std::iter::once(0).chain(fitting.map(|edge| edge as u32)).collect()
}

fn summarise(codes: &[&CodeScore], lower: u32, upper: Option<u32>) -> FrequencyBin {
    let sum = |value: fn(&CodeScore) -> u32| codes.iter().map(|code| u64::from(value(code))).sum();
    let (tp, fp, fn_): (u64, u64, u64) = (sum(|c| c.tp), sum(|c| c.fp), sum(|c| c.fn_));
    let present: Vec<f64> = codes
        .iter()
        .filter(|code| code.gold() > 0)
        .map(|code| code.f1)
        .collect();
    FrequencyBin {
        name: match upper {
            Some(upper) if upper == lower => lower.to_string(),
            Some(upper) => format!("{lower}-{upper}"),
            None => format!("{lower}+"),
        },
        lower,
        upper,
        codes: codes.len() as u32,
        codes_present: present.len() as u32,
        gold: tp + fn_,
        tp,
        fp,
        fn_,
        micro_f1: f1(tp, fp, fn_),
        macro_f1_present: (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_bins_are_half_decades_with_a_bin_for_unseen_codes() {
        let code = |column, tp, fp, fn_, f1| CodeScore {
            column,
            tp,
            fp,
            fn_,
            f1,
            ..CodeScore::default()
        };
        let per_code = [
            code(0, 0, 1, 2, 0.0),
            code(1, 1, 0, 0, 1.0),
            code(2, 0, 3, 0, 0.0),
            code(3, 2, 1, 1, 2.0 / 3.0),
            code(4, 0, 0, 0, 0.0),
        ];
        let bins = frequency_bins(&per_code, &[0, 9, 3, 316, 5_000_000]).unwrap();
        let names: Vec<&str> = bins.iter().map(|bin| bin.name.as_str()).collect();
        assert_eq!(names, ["0", "3-9", "316-999", "3162278-9999999"]);

        let unseen = &bins[0];
        assert_eq!(
            (unseen.lower, unseen.upper, unseen.codes, unseen.codes_present),
            (0, Some(0), 1, 1)
        );
        assert_eq!(
            (unseen.gold, unseen.micro_f1, unseen.macro_f1_present),
            (2, 0.0, Some(0.0))
        );
        let rare = &bins[1];
        assert_eq!((rare.codes, rare.codes_present, rare.gold), (2, 1, 1));
        assert_eq!((rare.tp, rare.fp, rare.fn_), (1, 3, 0));
        assert_eq!((rare.micro_f1, rare.macro_f1_present), (0.4, Some(1.0)));
        assert_eq!((bins[3].micro_f1, bins[3].macro_f1_present), (0.0, None));
    }

    #[test]
    fn frequency_bins_meet_without_gaps_up_to_the_largest_count() {
        let frequencies: Vec<u32> = [1, 3, 10, 32, 100, 316, 1000, 3162, 10_000, 31_623, u32::MAX].into();
        let per_code = vec![CodeScore::default(); 2 * frequencies.len() - 1];
        let below = frequencies[1..].iter().map(|&lower| lower - 1);
        let both: Vec<u32> = frequencies.iter().copied().chain(below).collect();
        let bins = frequency_bins(&per_code, &both).unwrap();
        for pair in bins[..9].windows(2) {
            assert_eq!(pair[0].upper, Some(pair[1].lower - 1));
        }
        let last = bins.last().unwrap();
        assert_eq!((last.name.as_str(), last.upper), ("3162277660+", None));
        assert_eq!(bins.iter().map(|bin| bin.codes).sum::<u32>() as usize, per_code.len());
    }
}
