//! What a field with codes holds.

/// Several codes of one string; `Err` says what is in the place of a code.
pub(super) fn separated(text: &str, separator: &str) -> Result<Vec<String>, String> {
    let mut codes = Vec::new();
    for piece in text.split(separator) {
        if let Some(code) = one(piece)? {
            codes.push(code);
        }
    }
    Ok(codes)
}

/// One code, `None` where there is nothing.
pub(super) fn one(text: &str) -> Result<Option<String>, String> {
    let code = text.trim();
    if code.is_empty() {
        return Ok(None);
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '+' | ':');
    match code.len() <= 64 && code.chars().all(plain) {
        true => Ok(Some(code.to_owned())),
        false => Err("something other than a code".into()),
    }
}
