//! What a crash left: `.part` files whose header is up to a second behind their sound.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::files::{FOLDER, PART};
use super::writer::sync_folder;

/// One file that was found unfinished.
#[derive(Debug, PartialEq, Eq)]
pub enum Repaired {
    /// It has its name now and plays to its end.
    Kept(PathBuf),
    /// No sound had reached it: it is gone.
    Removed(PathBuf),
    /// It could not be made whole, and lies as it was.
    Left { path: PathBuf, reason: String },
}

/// Repairs every unfinished recording of a state folder.
pub fn repair_all(state: &Path) -> io::Result<Vec<Repaired>> {
    let root = state.join(FOLDER);
    let mut repaired = Vec::new();
    let folders = match fs::read_dir(&root) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(repaired),
        Err(error) => return Err(error),
    };
    for folder in folders {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == PART) {
                repaired.push(match repair(&path) {
                    Ok(done) => done,
                    Err(error) => Repaired::Left { path, reason: error.to_string() },
                });
            }
        }
    }
    Ok(repaired)
}

fn repair(part: &Path) -> io::Result<Repaired> {
    let mut file = OpenOptions::new().read(true).write(true).open(part)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(HEAD).read_to_end(&mut head)?;
    let frame = u64::from(frame_octets(&head).unwrap_or(2)).max(1);
    let sound = data_start(&head).map(|start| (start, length.saturating_sub(start) / frame * frame));
    let Some((start, size)) = sound.filter(|(_, size)| *size > 0) else {
        fs::remove_file(part)?;
        return Ok(Repaired::Removed(part.to_owned()));
    };
    let end = start.saturating_add(size);
    file.set_len(end)?;
    write_size(&mut file, 4, end.saturating_sub(8))?;
    write_size(&mut file, start.saturating_sub(4), size)?;
    file.sync_all()?;
    let whole = part.with_extension("");
    fs::rename(part, &whole)?;
    sync_folder(&whole)?;
    Ok(Repaired::Kept(whole))
}

/// Enough for the longest header that the writer makes.
const HEAD: u64 = 128;

/// Where the sound begins: behind the head of the `data` chunk.
fn data_start(head: &[u8]) -> Option<u64> {
    let (Some(b"RIFF"), Some(b"WAVE")) = (head.get(..4), head.get(8..12)) else { return None };
    let mut at = 12usize;
    loop {
        let name = head.get(at..at.checked_add(4)?)?;
        let size = head.get(at.checked_add(4)?..)?.first_chunk::<4>()?;
        at = at.checked_add(8)?;
        if name == b"data" {
            return u64::try_from(at).ok();
        }
        at = at.checked_add(u32::from_le_bytes(*size) as usize)?;
    }
}

/// The block size of the `fmt ` chunk, which the writer puts first.
fn frame_octets(head: &[u8]) -> Option<u16> {
    head.get(32..34)?.first_chunk::<2>().map(|octets| u16::from_le_bytes(*octets))
}

fn write_size(file: &mut fs::File, at: u64, size: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes())
}
