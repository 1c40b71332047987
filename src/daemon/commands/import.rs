//! Another exchange's configuration, read from files, as the draft of a dialplan.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::daemon::failure::Failure;
use crate::dialplan::SourceFile;
use crate::import;

/// More than any such file has, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

/// The draft as text; or, with `out`, what a person has to look at while the draft lies there.
///
/// # Errors
/// A file cannot be read or is too large, or `out` exists already: nobody's dialplan is written over.
pub fn import(files: &[PathBuf], out: Option<&Path>) -> Result<String, Failure> {
    let files = files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let draft = import::import(&files);
    let Some(out) = out else { return Ok(draft.text) };
    let mut file = fs::File::create_new(out).map_err(Failure::write(out))?;
    std::io::Write::write_all(&mut file, draft.text.as_bytes()).map_err(Failure::write(out))?;
    let mut text: String = draft.notes.iter().map(|note| format!("{note}\n")).collect();
    text.push_str(&format!("{} notes; the draft is {}\n", draft.notes.len(), out.display()));
    Ok(text)
}

fn read(path: &Path) -> Result<SourceFile, Failure> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(Failure::read(path))?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(Failure::read(path))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::Other(format!("{} is larger than 16 MiB: it is no such file", path.display())));
    }
    // Names of people may be in any encoding: what is no UTF-8 is shown as such.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(SourceFile { name: path.display().to_string(), text })
}
