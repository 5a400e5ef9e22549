//! A per-user cache of fetched and built programs, filled atomically: a reader sees a whole entry or none.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::ToolError;

/// A directory with one entry per program and version.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// A directory for a while; removed on drop.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: who asks for it next removes it anyway.
        let _ = remove(&self.directory);
    }
}

impl Cache {
    /// The cache of this user: `$XDG_CACHE_HOME/genops`, else `~/.cache/genops`.
    ///
    /// # Errors
    /// There is neither.
    pub(crate) fn of_user() -> Result<Self, ToolError> {
        // The XDG base directory specification says to ignore a relative path.
        let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        let base = xdg.or_else(|| env::home_dir().filter(|h| h.is_absolute()).map(|home| home.join(".cache")));
        base.map(|base| Self::at(base.join("genops"))).ok_or_else(|| ToolError::NoProgram {
            program: "cache directory".to_owned(),
            remedy: "set HOME or XDG_CACHE_HOME to an absolute path".to_owned(),
        })
    }

    /// A cache in `root`.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The entry `name` if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<PathBuf> {
        Some(self.root.join(name)).filter(|entry| entry.is_dir())
    }

    /// The entry `name`, made by `fill` where it is not there. `fill` gets an empty directory that becomes the entry
    /// by one rename when it returns `Ok`. Of several callers, in this or other processes, one fills and the others
    /// wait for it; a lock dies with its process, and so does a half-filled directory with the next caller.
    ///
    /// # Errors
    /// Those of `fill`, and of the file system.
    pub(crate) fn get_or_fill(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<(), ToolError>,
    ) -> Result<PathBuf, ToolError> {
        if let Some(entry) = self.get(name) {
            return Ok(entry);
        }
        let _lock = self.lock(name)?;
        if let Some(entry) = self.get(name) {
            return Ok(entry);
        }
        let staging = self.root.join(format!("{name}.part"));
        remove(&staging)?;
        fs::create_dir(&staging).map_err(ToolError::io("create", &staging))?;
        if let Err(error) = fill(&staging) {
            // Best effort: the next caller removes it anyway, and the cause is what the user must see.
            let _ = remove(&staging);
            return Err(error);
        }
        let entry = self.root.join(name);
        fs::rename(&staging, &entry).map_err(ToolError::io("rename into place", &entry))?;
        Ok(entry)
    }

    /// An empty directory `name` that is gone when what this gives is dropped. Another process that asks for it waits until then.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn scratch(&self, name: &str) -> Result<Scratch, ToolError> {
        let (lock, directory) = (self.lock(name)?, self.root.join(name));
        // As a killed process leaves it.
        remove(&directory)?;
        fs::create_dir(&directory).map_err(ToolError::io("create", &directory))?;
        Ok(Scratch { directory, _lock: lock })
    }

    /// Keeps others away from `name`; released on drop.
    fn lock(&self, name: &str) -> Result<File, ToolError> {
        fs::create_dir_all(&self.root).map_err(ToolError::io("create", &self.root))?;
        let path = self.root.join(format!("{name}.lock"));
        let lock = File::options().create(true).append(true).open(&path).map_err(ToolError::io("open", &path))?;
        lock.lock().map_err(ToolError::io("lock", &path))?;
        Ok(lock)
    }

    /// Removes the entry `name`, for one that turned out to be unusable.
    pub(crate) fn forget(&self, name: &str) -> Result<(), ToolError> {
        remove(&self.root.join(name))
    }
}

fn remove(directory: &Path) -> Result<(), ToolError> {
    match fs::remove_dir_all(directory) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(ToolError::io("remove", directory)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    fn failure() -> ToolError {
        ToolError::BadFetch { what: "test".to_owned(), reason: "on purpose".to_owned() }
    }

    #[test]
    fn of_many_callers_one_fills_and_all_get_the_whole_entry() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cache = Cache::at(dir.path().join("not/there/yet"));
        let fills = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let entry = cache.get_or_fill("tool-1", |staging| {
                        fills.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(20));
                        fs::write(staging.join("tool"), "whole").map_err(ToolError::io("write", staging))
                    });
                    let text = fs::read_to_string(entry.expect("filled").join("tool"));
                    assert_eq!(text.expect("the file is there"), "whole");
                });
            }
        });
        assert_eq!(fills.into_inner(), 1);
    }

    #[test]
    fn a_scratch_directory_begins_empty_and_is_gone_afterwards() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cache = Cache::at(dir.path().join("not/there/yet"));
        let left = dir.path().join("not/there/yet/scratch");
        fs::create_dir_all(left.join("by a killed process")).expect("a leftover");
        let scratch = cache.scratch("scratch").expect("a directory");
        assert_eq!(fs::read_dir(scratch.path()).expect("a directory").count(), 0);
        drop(scratch);
        assert!(!left.exists());
    }

    #[test]
    fn a_failed_fill_leaves_no_entry_and_the_next_one_starts_clean() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cache = Cache::at(dir.path().to_path_buf());
        let failed = cache.get_or_fill("tool-1", |staging| {
            fs::write(staging.join("half"), "").map_err(ToolError::io("write", staging))?;
            Err(failure())
        });
        assert!(failed.is_err());
        assert_eq!(cache.get("tool-1"), None);
        // As a killed process leaves it.
        fs::create_dir_all(dir.path().join("tool-1.part/half")).expect("a leftover");
        let entry = cache.get_or_fill("tool-1", |_| Ok(())).expect("filled");
        assert_eq!(fs::read_dir(entry).expect("a directory").count(), 0);
    }
}
