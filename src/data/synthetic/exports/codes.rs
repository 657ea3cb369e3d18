//! Codes in the form of their version, a different one for each number. None of them means what the real one means.

use super::super::bank::BANK;

/// A diagnosis of ICD-9: five digits with leading zeros mostly, three digits, and codes of the V and E chapters.
pub(super) fn diagnosis_9(code: usize, variant: u32, variants: u32) -> String {
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

/// How many procedures there are.
pub(super) const PROCEDURES: u32 = 1600;

/// A procedure of ICD-9: four, three or two digits. Those below 1,000 begin with zeros, and without them are others.
pub(super) fn procedure_9(number: u32) -> String {
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
