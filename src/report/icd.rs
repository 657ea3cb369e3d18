//! The chapters of the International Classification of Diseases: which one a code is of. Titles are shortened.

/// A version of the classification, as the codes of a set tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ICD-9-CM, diagnoses and procedures.
    Nine,
    /// ICD-10-CM and ICD-10-PCS.
    Ten,
}

impl Version {
    /// Of a set of codes: those of ICD-9 mostly begin with three digits, or two and a dot, those of ICD-10 with a letter or
    /// are seven signs of a procedure. `None` where neither is half of them.
    pub fn of<'c>(codes: impl Iterator<Item = &'c str>) -> Option<Self> {
        let (mut all, mut nine, mut ten) = (0usize, 0usize, 0usize);
        for code in codes {
            all += 1;
            let starts =
                |count: usize| code.len() >= count && code.bytes().take(count).all(|byte| byte.is_ascii_digit());
            let letter = code.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
            nine += usize::from(is_procedure_9(code) || (starts(3) && !is_pcs(code)));
            ten += usize::from(is_pcs(code) || (letter && !code.starts_with(['E', 'V', 'e', 'v'])));
        }
        match (2 * nine > all, 2 * ten > all) {
            (true, _) => Some(Self::Nine),
            (_, true) => Some(Self::Ten),
            _ => None,
        }
    }
}

fn is_procedure_9(code: &str) -> bool {
    code.as_bytes().get(2) == Some(&b'.') && code.bytes().take(2).all(|byte| byte.is_ascii_digit())
}

fn is_pcs(code: &str) -> bool {
    code.len() == 7 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// First codes of the chapters of diagnoses in ICD-9-CM, and what they are about; E and V codes aside.
const DIAGNOSES_9: [(u32, &str); 17] = [
    (1, "infectious and parasitic diseases"),
    (140, "neoplasms"),
    (240, "endocrine, nutritional, metabolic, immunity"),
    (280, "blood"),
    (290, "mental disorders"),
    (320, "nervous system and sense organs"),
    (390, "circulatory system"),
    (460, "respiratory system"),
    (520, "digestive system"),
    (580, "genitourinary system"),
    (630, "pregnancy and childbirth"),
    (680, "skin"),
    (710, "musculoskeletal system"),
    (740, "congenital anomalies"),
    (760, "perinatal period"),
    (780, "symptoms and signs"),
    (800, "injury and poisoning"),
];

/// The same of procedures in ICD-9-CM (volume 3).
const PROCEDURES_9: [(u32, &str); 17] = [
    (0, "procedures, not elsewhere classified"),
    (1, "operations on the nervous system"),
    (6, "operations on the endocrine system"),
    (8, "operations on the eye"),
    (17, "other procedures"),
    (18, "operations on the ear"),
    (21, "operations on nose, mouth, pharynx"),
    (30, "operations on the respiratory system"),
    (35, "operations on the cardiovascular system"),
    (40, "operations on the hemic and lymphatic system"),
    (42, "operations on the digestive system"),
    (55, "operations on the urinary system"),
    (60, "operations on genital organs"),
    (72, "obstetrical procedures"),
    (76, "operations on the musculoskeletal system"),
    (85, "operations on skin and breast"),
    (87, "diagnostic and therapeutic procedures"),
];

/// First categories of the chapters of ICD-10-CM, in their order.
const DIAGNOSES_10: [(&str, &str); 22] = [
    ("A00", "infectious and parasitic diseases"),
    ("C00", "neoplasms"),
    ("D50", "blood and immune mechanism"),
    ("E00", "endocrine, nutritional, metabolic"),
    ("F01", "mental and behavioral disorders"),
    ("G00", "nervous system"),
    ("H00", "eye"),
    ("H60", "ear"),
    ("I00", "circulatory system"),
    ("J00", "respiratory system"),
    ("K00", "digestive system"),
    ("L00", "skin"),
    ("M00", "musculoskeletal system"),
    ("N00", "genitourinary system"),
    ("O00", "pregnancy and childbirth"),
    ("P00", "perinatal period"),
    ("Q00", "congenital malformations"),
    ("R00", "symptoms and signs"),
    ("S00", "injury and poisoning"),
    ("U00", "special purposes"),
    ("V00", "external causes"),
    ("Z00", "factors influencing health status"),
];

/// Sections of ICD-10-PCS, by the first sign.
const SECTIONS: [(char, &str); 17] = [
    ('0', "medical and surgical procedures"),
    ('1', "obstetrics procedures"),
    ('2', "placement"),
    ('3', "administration"),
    ('4', "measurement and monitoring"),
    ('5', "extracorporeal assistance"),
    ('6', "extracorporeal therapies"),
    ('7', "osteopathic procedures"),
    ('8', "other procedures"),
    ('9', "chiropractic procedures"),
    ('B', "imaging"),
    ('C', "nuclear medicine"),
    ('D', "radiation therapy"),
    ('F', "physical rehabilitation"),
    ('G', "mental health procedures"),
    ('H', "substance abuse treatment"),
    ('X', "new technology"),
];

/// The chapter of a code, with its place in the classification; `None` for what is no code of the version.
pub fn chapter(code: &str, version: Version) -> Option<(usize, &'static str)> {
    let upper = code.to_ascii_uppercase();
    match version {
        Version::Nine if is_procedure_9(&upper) => {
            let number: u32 = upper.get(..2)?.parse().ok()?;
            let place = PROCEDURES_9.iter().rposition(|(first, _)| *first <= number)?;
            Some((DIAGNOSES_9.len() + 2 + place, PROCEDURES_9[place].1))
        }
        Version::Nine if upper.starts_with('V') => Some((DIAGNOSES_9.len(), "supplementary factors (V)")),
        Version::Nine if upper.starts_with('E') => Some((DIAGNOSES_9.len() + 1, "external causes (E)")),
        Version::Nine => {
            let number: u32 = upper.get(..3)?.parse().ok()?;
            let place = DIAGNOSES_9.iter().rposition(|(first, _)| *first <= number)?;
            Some((place, DIAGNOSES_9[place].1))
        }
        Version::Ten if is_pcs(&upper) => {
            let place = SECTIONS.iter().position(|(first, _)| upper.starts_with(*first))?;
            Some((DIAGNOSES_10.len() + place, SECTIONS[place].1))
        }
        Version::Ten => {
            let category = upper.get(..3)?;
            let is_code = category.as_bytes()[0].is_ascii_alphabetic() && category.as_bytes()[1].is_ascii_digit();
            let place = DIAGNOSES_10.iter().rposition(|(first, _)| *first <= category)?;
            is_code.then_some((place, DIAGNOSES_10[place].1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_their_chapters() {
        let title = |code: &str, version| chapter(code, version).map(|(_, title)| title);
        for (code, expected) in [
            ("401.9", "circulatory system"),
            ("038.9", "infectious and parasitic diseases"),
            ("139", "infectious and parasitic diseases"),
            ("140.0", "neoplasms"),
            ("999.9", "injury and poisoning"),
            ("V45.81", "supplementary factors (V)"),
            ("E878.8", "external causes (E)"),
            ("38.93", "operations on the cardiovascular system"),
            ("96.", "diagnostic and therapeutic procedures"),
            ("00.66", "procedures, not elsewhere classified"),
        ] {
            assert_eq!(title(code, Version::Nine), Some(expected), "{code}");
        }
        for (code, expected) in [
            ("I10", "circulatory system"),
            ("C7A.8", "neoplasms"),
            ("D49.9", "neoplasms"),
            ("D50.0", "blood and immune mechanism"),
            ("H59.89", "eye"),
            ("H60", "ear"),
            ("T88.9XXA", "injury and poisoning"),
            ("V43.52XA", "external causes"),
            ("Y99.8", "external causes"),
            ("Z23.", "factors influencing health status"),
            ("0DTJ4ZZ", "medical and surgical procedures"),
            ("BW03ZZZ", "imaging"),
        ] {
            assert_eq!(title(code, Version::Ten), Some(expected), "{code}");
        }
        assert_eq!(title("000.1", Version::Nine), None);
        assert_eq!(title("hypertension", Version::Ten), None);
        let of = |codes: &[&str]| Version::of(codes.iter().copied());
        assert_eq!(
            of(&["401.9", "E878.8", "38.93", "V45.81", "250.00"]),
            Some(Version::Nine)
        );
        assert_eq!(
            of(&["I10", "E11.9", "V43.52XA", "0DTJ4ZZ", "J18.9"]),
            Some(Version::Ten)
        );
        assert_eq!(of(&["bw03zzz", "i10"]), Some(Version::Ten));
        assert_eq!(of(&["alpha", "7", "8"]), None);
        assert_eq!(of(&[]), None);
    }
}
