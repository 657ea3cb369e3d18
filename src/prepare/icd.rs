//! How codes are written: what the tables of an export have, and where dots go.

use std::borrow::Cow;

use crate::data::{CodeKind, CodeLoading, Dots, IcdVersion};

/// Whether a table's field is a code as exports write it: capital letters and digits, no dot. One with a dot was a number to some
/// program on the way (`4019.0`), or has its dot already.
pub(super) fn is_raw(code: &str) -> bool {
    (1..=8).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// A code as the set has it.
pub(super) fn written(raw: &str, kind: CodeKind, version: IcdVersion, loading: CodeLoading, dots: Dots) -> String {
    let code = match (loading, kind, version) {
        (CodeLoading::CamlFaithful, CodeKind::Procedure, IcdVersion::Nine) => as_number(raw),
        _ => Cow::Borrowed(raw),
    };
    let (before, always) = match (version, kind) {
        (IcdVersion::Nine, CodeKind::Diagnosis) if code.starts_with('E') => (4, false),
        (IcdVersion::Nine, CodeKind::Diagnosis) => (3, false),
        (IcdVersion::Nine, CodeKind::Procedure) => (2, dots == Dots::Caml),
        (IcdVersion::Ten, CodeKind::Diagnosis) => (3, dots == Dots::Edin),
        // ICD-10-PCS has no dot.
        (IcdVersion::Ten, CodeKind::Procedure) => return code.into_owned(),
    };
    match code.len() {
        length if length > before => format!("{}.{}", &code[..before], &code[before..]),
        // Two digits, or the one that is left of two: the dot goes to the end, wherever that is.
        _ if always => format!("{code}."),
        _ => code.into_owned(),
    }
}

/// What is left of digits that were read as a whole number.
fn as_number(raw: &str) -> Cow<'_, str> {
    match raw.parse::<u64>() {
        Ok(number) => Cow::Owned(number.to_string()),
        Err(_) => Cow::Borrowed(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_where_each_rule_puts_them() {
        let nine = |raw, kind, loading, dots| written(raw, kind, IcdVersion::Nine, loading, dots);
        let ten = |raw, kind, dots| written(raw, kind, IcdVersion::Ten, CodeLoading::Correct, dots);
        use CodeKind::{Diagnosis, Procedure};
        use CodeLoading::{CamlFaithful, Correct};
        for (raw, shown) in [
            ("4019", "401.9"),
            ("042", "042"),
            ("E8788", "E878.8"),
            ("E878", "E878"),
            ("V3000", "V30.00"),
            ("V08", "V08"),
            ("0389", "038.9"),
        ] {
            assert_eq!(nine(raw, Diagnosis, Correct, Dots::Caml), shown);
            assert_eq!(nine(raw, Diagnosis, CamlFaithful, Dots::BetweenOnly), shown);
        }
        for (raw, correct, faithful) in [
            ("0117", "01.17", "11.7"),
            ("117", "11.7", "11.7"),
            ("0011", "00.11", "11."),
            ("9390", "93.90", "93.90"),
            ("93", "93.", "93."),
            ("01", "01.", "1."),
            ("0001", "00.01", "1."),
        ] {
            assert_eq!(nine(raw, Procedure, Correct, Dots::Caml), correct, "{raw}");
            assert_eq!(nine(raw, Procedure, CamlFaithful, Dots::Caml), faithful, "{raw}");
        }
        assert_eq!(nine("93", Procedure, Correct, Dots::BetweenOnly), "93");
        assert_eq!(ten("Z23", Diagnosis, Dots::Edin), "Z23.");
        assert_eq!(ten("Z23", Diagnosis, Dots::BetweenOnly), "Z23");
        assert_eq!(ten("E1165", Diagnosis, Dots::Edin), "E11.65");
        assert_eq!(ten("0DTJ4ZZ", Procedure, Dots::Edin), "0DTJ4ZZ");
    }
}
