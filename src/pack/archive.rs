//! Files to a zip archive, in their order, with no time of their own.

use std::io::{Cursor, Write};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::packed_file::PackedFile;

/// The archive's bytes: those of equal files are equal.
pub(super) fn zip(files: &[PackedFile]) -> ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // The first time that the format can say.
            .last_modified_time(DateTime::default())
            .large_file(file.bytes.len() > u32::MAX as usize)
            .unix_permissions(0o644);
        writer.start_file(&file.path, options)?;
        writer.write_all(&file.bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
