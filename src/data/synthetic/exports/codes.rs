//! Codes in the form of their version, a different one for each number. None of them means what the real one means.

use super::super::bank::BANK;

/// The diagnoses of the fixed list of fifty that published systems predict (Mullenbach et al. 2018), for the most frequent
/// codes of the generator: so that suites which name that list find its codes.
const COMMON: [(&str, &str); 33] = [
    ("I10", "4019"),
    ("E78.5", "2724"),
    ("N17.9", "5849"),
    ("K21.9", "53081"),
    ("I25.10", "41401"),
    ("Z79.01", "V5861"),
    ("F41.9", "311"),
    ("J96.01", "51881"),
    ("I48.91", "42731"),
    ("Z87.891", "V1582"),
    ("A41.9", "0389"),
    ("Z79.4", "2720"),
    ("F32.A", "2762"),
    ("E86.0", "2761"),
    ("D62", "2851"),
    ("Z95.5", "V4581"),
    ("E11.9", "25000"),
    ("J18.9", "486"),
    ("Z79.02", "41071"),
    ("N39.0", "5990"),
    ("F17.210", "3051"),
    ("E87.20", "99592"),
    ("J44.9", "496"),
    ("Z79.82", "40390"),
    ("E03.9", "2449"),
    ("E87.6", "2875"),
    ("G47.33", "4240"),
    ("Z66", "5119"),
    ("I12.9", "5859"),
    ("D64.9", "2859"),
    ("I25.2", "412"),
    ("W19.XXXA", "5070"),
    ("E66.9", "4280"),
];

/// The procedures of the same list.
const COMMON_PROCEDURES: [&str; 17] = [
    "3893", "9604", "966", "9671", "9904", "3961", "9672", "8856", "3891", "3615", "9915", "8872", "3722", "3324",
    "3995", "4513", "3723",
];

/// A diagnosis of ICD-9: five digits with leading zeros mostly, three digits, and codes of the V and E chapters.
pub(super) fn diagnosis_9(code: usize, variant: u32, variants: u32) -> String {
    let common = COMMON.iter().find(|(of, _)| *of == BANK.entries[code].code);
    if let Some((_, common)) = common.filter(|_| variant == 0) {
        return (*common).to_owned();
    }
    let number = code * variants as usize + variant as usize;
    match code % 10 {
        0 => format!("V{number:04}"),
        1 => format!("E{number:04}"),
        2 if variant == 0 => format!("{code:03}"),
        3 if variant == 0 => format!("{code:04}"),
        _ => format!("{number:05}"),
    }
}

/// A diagnosis of ICD-10: the bank's own, with a letter and a digit where it stands for several.
pub(super) fn diagnosis_10(code: usize, variant: u32) -> String {
    let mut plain = BANK.entries[code].code.replace('.', "");
    if variant > 0 {
        // Seven letters and digits are the most that a code has.
        plain.truncate(5);
        let letter = char::from(b'A' + (variant / 10 % 26) as u8);
        plain.push(letter);
        plain.push_str(&(variant % 10).to_string());
    }
    plain
}

/// The first so many procedures are half of all.
pub(super) const FREQUENT_PROCEDURES: u32 = 40;
/// How many procedures there are.
pub(super) const PROCEDURES: u32 = 1600;

/// A procedure of ICD-9: four, three or two digits. Those below 1,000 begin with zeros, and without them are others.
pub(super) fn procedure_9(number: u32) -> String {
    if let Some(common) = COMMON_PROCEDURES.get(number as usize) {
        return (*common).to_owned();
    }
    match number % 8 {
        0 => format!("{:03}", number / 2 % 1000),
        1 => format!("{:02}", number / 8 % 100),
        _ => format!("{number:04}"),
    }
}

/// A procedure of ICD-10-PCS: seven letters and digits.
pub(super) fn procedure_10(number: u32) -> String {
    const LETTERS: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut left = number;
    let mut code = vec![b'Z'; 6];
    for place in code.iter_mut() {
        *place = LETTERS[left as usize % LETTERS.len()];
        left /= LETTERS.len() as u32;
    }
    format!("0{}", String::from_utf8_lossy(&code))
}

/// What a procedure is called in notes and dictionaries.
pub(super) fn procedure_title(number: u32) -> String {
    const WHAT: [&str; 8] = [
        "insertion of",
        "removal of",
        "revision of",
        "inspection of",
        "drainage of",
        "repair of",
        "biopsy of",
        "bypass of",
    ];
    const WHERE: [&str; 10] = [
        "an arterial line",
        "a venous catheter",
        "the abdominal wall",
        "a coronary artery",
        "the left lung",
        "the colon",
        "the right hip",
        "a cardiac valve",
        "the urinary bladder",
        "the skull",
    ];
    let (what, place) = (WHAT[number as usize % 8], WHERE[number as usize / 8 % 10]);
    format!("{what} {place}, technique {}", number / 80 + 1)
}
