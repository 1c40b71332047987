//! The files that are being written.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::base::RecordingId;
use crate::media::Audio;

use super::files::{part_of, path_of};
use super::wav;

/// All open recordings. A recording that failed stays until its end, so that its end can say so.
#[derive(Default)]
pub struct Writers {
    open: BTreeMap<RecordingId, Result<Writer, String>>,
    /// Where samples become octets.
    octets: Vec<u8>,
}

impl Writers {
    /// Why it cannot be written, if so; as all of these say it, and once only.
    pub fn begin(&mut self, state: &Path, recording: RecordingId, channels: u16) -> Option<String> {
        let writer = Writer::begin(&path_of(state, recording), channels).map_err(|error| error.to_string());
        if let Err(reason) = &writer {
            tracing::error!(%recording, reason, "a recording cannot be written");
        }
        let failed = writer.as_ref().err().cloned();
        self.open.insert(recording, writer);
        failed
    }

    pub fn audio(&mut self, audio: &Audio) -> Option<String> {
        let mut octets = std::mem::take(&mut self.octets);
        let failed = self.attempt(audio.recording, |writer| writer.write(&audio.samples, &mut octets));
        self.octets = octets;
        failed
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Brings every header up to date: what a crash would leave is playable to here.
    pub fn flush_all(&mut self) -> Vec<(RecordingId, String)> {
        let all: Vec<_> = self.open.keys().copied().collect();
        let flushed = all.into_iter().map(|recording| (recording, self.attempt(recording, Writer::flush)));
        flushed.filter_map(|(recording, failed)| Some((recording, failed?))).collect()
    }

    /// It has been said that this one cannot be written.
    pub fn has_failed(&self, recording: RecordingId) -> bool {
        matches!(self.open.get(&recording), Some(Err(_)))
    }

    /// The file is whole, named and on the disk, or why not.
    pub fn end(&mut self, recording: RecordingId) -> Result<(), String> {
        match self.open.remove(&recording) {
            Some(Ok(writer)) => writer.end().map_err(|error| error.to_string()),
            Some(Err(reason)) => Err(reason),
            None => Err("it was never begun".to_owned()),
        }
    }

    pub fn end_all(&mut self) -> Vec<(RecordingId, Result<(), String>)> {
        let all: Vec<_> = self.open.keys().copied().collect();
        all.into_iter().map(|recording| (recording, self.end(recording))).collect()
    }

    /// A full disk is said once, aloud; the call goes on and the part stays as far as it came.
    fn attempt(
        &mut self,
        recording: RecordingId,
        act: impl FnOnce(&mut Writer) -> io::Result<()>,
    ) -> Option<String> {
        let slot = self.open.get_mut(&recording)?;
        let error = act(slot.as_mut().ok()?).err()?;
        tracing::error!(%recording, %error, "a recording cannot be written any further");
        *slot = Err(error.to_string());
        Some(error.to_string())
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    channels: u16,
    /// Octets of sound written.
    sound: u64,
    /// The header says less than that.
    behind: bool,
}

impl Writer {
    fn begin(path: &Path, channels: u16) -> io::Result<Writer> {
        if let Some(folder) = path.parent()
            && !folder.exists()
        {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // The new names must be as durable as what will lie under them: the folder's, and its parent's.
            folder.ancestors().take(2).try_for_each(sync_folder)?;
        }
        // A name that is taken is somebody's recording: ids are never used twice, so this is not ours.
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let part = part_of(path);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)?;
        Ok(Writer { path: path.to_owned(), file, channels, sound: 0, behind: false })
    }

    /// One write for a piece of audio; the header comes before the first.
    fn write(&mut self, samples: &[i16], octets: &mut Vec<u8>) -> io::Result<()> {
        octets.clear();
        let sound = 2 * samples.len() as u64;
        if self.sound == 0 {
            octets.extend_from_slice(&wav::header(self.channels, sound));
        } else {
            self.behind = true;
        }
        wav::append(samples, octets);
        self.file.write_all(octets)?;
        self.sound += sound;
        Ok(())
    }

    /// What a crash would leave is playable to here.
    fn flush(&mut self) -> io::Result<()> {
        if self.behind {
            self.file.write_all_at(&wav::header(self.channels, self.sound), 0)?;
            self.behind = false;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        self.behind |= self.sound == 0;
        self.flush()?;
        self.file.sync_all()?;
        fs::rename(part_of(&self.path), &self.path)?;
        sync_folder(&self.path)?;
        Ok(())
    }
}

/// Makes a file's new name durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
