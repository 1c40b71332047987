//! The files that are being written.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::base::RecordingId;
use crate::media::{self, Audio};

use super::files::{part_of, path_of};

/// All open recordings. A recording that failed stays until its end, so that its end can say so.
#[derive(Default)]
pub struct Writers {
    open: BTreeMap<RecordingId, Result<Writer, String>>,
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
        self.attempt(audio.recording, |writer| writer.write(&audio.samples))
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
        act: impl FnOnce(&mut Writer) -> hound::Result<()>,
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
    /// The same file, to make it durable after the writer is done with it.
    file: File,
    wav: WavWriter<BufWriter<File>>,
}

impl Writer {
    fn begin(path: &Path, channels: u16) -> hound::Result<Writer> {
        if let Some(folder) = path.parent()
            && !folder.exists()
        {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // The new names must be as durable as what will lie under them: the folder's, and its parent's.
            folder.ancestors().take(2).try_for_each(sync_folder)?;
        }
        // A name that is taken is somebody's recording: ids are never used twice, so this is not ours.
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        let part = part_of(path);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(part)?;
        let spec = WavSpec {
            channels,
            sample_rate: media::SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let wav = WavWriter::new(BufWriter::new(file.try_clone()?), spec)?;
        Ok(Writer { path: path.to_owned(), file, wav })
    }

    fn write(&mut self, samples: &[i16]) -> hound::Result<()> {
        samples.iter().try_for_each(|sample| self.wav.write_sample(*sample))
    }

    fn flush(&mut self) -> hound::Result<()> {
        self.wav.flush()
    }

    fn end(self) -> hound::Result<()> {
        self.wav.finalize()?;
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
