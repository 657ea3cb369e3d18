//! The files in a zip archive, as far as `torch.save` makes use of the format: stored, not compressed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fault::Fault;

/// How such an archive starts.
pub(super) const START: &[u8] = b"PK\x03\x04";

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const ENTRY: &[u8] = b"PK\x01\x02";

/// Where the bytes of each file lie, by its name.
pub(super) fn files(bytes: &[u8]) -> Result<BTreeMap<String, Range<usize>>, Fault> {
    let mut at = directory(bytes).ok_or_else(Fault::ends_early)?;
    let mut files = BTreeMap::new();
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(ENTRY)) {
        let (name, data, next) = entry(bytes, at)?;
        if files.insert(name, data).is_some() {
            return Err(Fault::Damaged("two files of one name are in it".into()));
        }
        at = next;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.starts_with(END) || rest.starts_with(END_64) {
        true => Ok(files),
        false => Err(Fault::ends_early()),
    }
}

/// Where the list of files begins.
fn directory(bytes: &[u8]) -> Option<usize> {
    // A comment of up to 65,535 bytes may follow the last record, which has 22.
    let first = bytes.len().saturating_sub(22 + 65535);
    let last = bytes.len().checked_sub(22)?;
    let end = (first..=last).rev().find(|&at| {
        let comment = || number(bytes, at + 20, 2);
        bytes[at..].starts_with(END) && comment().is_some_and(|comment| at + 22 + comment <= bytes.len())
    })?;
    let locator = end.checked_sub(20).filter(|&at| bytes[at..].starts_with(LOCATOR_64));
    match locator {
        None => number(bytes, end + 16, 4),
        Some(locator) => {
            let end = number(bytes, locator + 8, 8)?;
            let is_end = bytes.get(end..)?.starts_with(END_64);
            is_end.then(|| number(bytes, end.checked_add(48)?, 8))?
        }
    }
}

/// The name and the bytes of the file that an entry of the list is about, and where the next entry begins.
fn entry(bytes: &[u8], at: usize) -> Result<(String, Range<usize>, usize), Fault> {
    let read = |offset: usize, length: usize| number(bytes, at + offset, length).ok_or_else(Fault::ends_early);
    let (method, flags) = (read(10, 2)?, read(8, 2)?);
    let (mut packed, mut size, mut local) = (read(20, 4)?, read(24, 4)?, read(42, 4)?);
    let (name, extra, comment) = (read(28, 2)?, read(30, 2)?, read(32, 2)?);
    let (name, extra) = (at + 46..at + 46 + name, at + 46 + name..at + 46 + name + extra);
    let next = extra.end + comment;
    wide(bytes, extra, [&mut size, &mut packed, &mut local]).ok_or_else(Fault::ends_early)?;
    let name = bytes.get(name).ok_or_else(Fault::ends_early)?;
    let name = String::from_utf8_lossy(name).into_owned();
    if method != 0 || packed != size || flags & 1 != 0 {
        return Err(Fault::Unsuitable(
            "its files are compressed, which torch.save never does: unpack it, or save the weights again".into(),
        ));
    }
    let start = || {
        let header = bytes.get(local..)?;
        let own = number(header, 26, 2)? + number(header, 28, 2)?;
        header.starts_with(START).then(|| local.checked_add(30 + own))?
    };
    let start = start().ok_or_else(Fault::ends_early)?;
    let end = start.checked_add(size).filter(|&end| end <= bytes.len());
    Ok((name, start..end.ok_or_else(Fault::ends_early)?, next))
}

/// Sizes and offsets beyond 32 bits stand in the extra field, in this order, each only where the narrow one is full.
fn wide(bytes: &[u8], extra: Range<usize>, values: [&mut usize; 3]) -> Option<()> {
    let mut extra = bytes.get(extra)?;
    let full = u32::MAX as usize;
    if values.iter().all(|value| **value != full) {
        return Some(());
    }
    while number(extra, 0, 2)? != 1 {
        extra = extra.get(4 + number(extra, 2, 2)?..)?;
    }
    let mut at = 4;
    for value in values {
        if *value == full {
            *value = number(extra, at, 8)?;
            at += 8;
        }
    }
    Some(())
}

/// A little-endian number of so many bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    let value = bytes
        .iter()
        .rev()
        .fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    usize::try_from(value).ok()
}
