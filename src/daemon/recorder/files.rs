//! Where recordings lie and how they are read back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::base::RecordingId;

/// Below the state folder.
pub const FOLDER: &str = "recordings";
/// What is still being written ends so.
pub const PART: &str = "part";
/// Files in one folder: a folder of a hundred thousand names is slow to list and to back up.
const A_FOLDER: u64 = 1000;

/// The finished file of a recording: its name follows from its id alone.
pub fn path_of(state: &Path, recording: RecordingId) -> PathBuf {
    state.join(FOLDER).join(format!("{:06}", recording.0 / A_FOLDER)).join(format!("{recording}.wav"))
}

/// The same while it is being written.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PART);
    PathBuf::from(name)
}

/// How long a whole recording is; `None` where there is none.
pub fn length(state: &Path, recording: RecordingId) -> Option<Duration> {
    let reader = hound::WavReader::open(path_of(state, recording)).ok()?;
    let rate = reader.spec().sample_rate;
    (rate > 0 && reader.duration() > 0)
        .then(|| Duration::from_millis(u64::from(reader.duration()) * 1000 / u64::from(rate)))
}

/// The first channel at 8 kHz, to be played to a leg.
pub fn load(state: &Path, recording: RecordingId) -> Result<Arc<[i16]>, String> {
    let bytes = fs::read(path_of(state, recording)).map_err(|error| error.to_string())?;
    let mut reader = hound::WavReader::new(bytes.as_slice()).map_err(|error| error.to_string())?;
    let channels = usize::from(reader.spec().channels.max(1));
    let samples = reader.samples::<i16>().step_by(channels).collect::<Result<Vec<_>, _>>();
    samples.map(Arc::from).map_err(|error| error.to_string())
}

/// Removes what there is of a recording.
pub fn remove(state: &Path, recording: RecordingId) {
    let path = path_of(state, recording);
    for path in [part_of(&path), path] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%recording, %error, "a discarded recording cannot be removed");
            }
            _ => {}
        }
    }
}
