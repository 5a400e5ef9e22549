//! What the kernel says about a running process.

use std::{fs, time::Duration};

use anyhow::Context;

/// A region with no access of at least this size right behind writable memory is the guard of a wasm memory: V8
/// reserves the whole 32-bit index space (and more), so that no access needs a bounds check. Nothing else in Envoy
/// reserves gigabytes.
const GUARD_BYTES: u64 = 2 << 30;

/// CPU time of all threads of `pid` so far, user and system. From each thread's `schedstat`, which counts nanoseconds;
/// `/proc/PID/stat` counts the same in ticks of 10 ms, too coarse for a round of a quarter of a second. Envoy's threads
/// live as long as it does, so none is missed.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let tasks = format!("/proc/{pid}/task");
    let mut sum = 0_u64;
    for task in fs::read_dir(&tasks).with_context(|| format!("{tasks}: is Envoy gone?"))? {
        let path = task?.path().join("schedstat");
        // A thread that ended between the two reads is no longer there.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let ran = text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
        sum += ran.with_context(|| format!("{}: {text:?}", path.display()))?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Resident memory of `pid`, bytes.
pub(crate) fn resident(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).with_context(|| format!("no VmRSS in {path}"))?;
    let kib = line.trim().trim_end_matches("kB").trim().parse::<u64>();
    Ok(kib.with_context(|| format!("{path}: {line:?}"))? * 1024)
}

/// Load average of the last minute, where the kernel tells it.
pub(crate) fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Sizes of the wasm memories of `pid`, bytes, largest first: the writable regions that a [`GUARD_BYTES`] follows.
pub(crate) fn linear_memories(pid: u32) -> anyhow::Result<Vec<u64>> {
    let path = format!("/proc/{pid}/maps");
    let maps = fs::read_to_string(&path).with_context(|| path.clone())?;
    Ok(guarded(&maps))
}

fn guarded(maps: &str) -> Vec<u64> {
    let regions: Vec<(u64, u64, &str)> = maps
        .lines()
        .filter_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            let hex = |text| u64::from_str_radix(text, 16).ok();
            Some((hex(start)?, hex(end)?, rest.get(..4)?))
        })
        .collect();
    let mut sizes: Vec<u64> = regions
        .iter()
        .zip(regions.iter().skip(1))
        .filter(|((_, end, access), (next, next_end, next_access))| {
            *access == "rw-p" && *next_access == "---p" && end == next && next_end - next >= GUARD_BYTES
        })
        .map(|((start, end, _), _)| end - start)
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wasm_memory_is_what_a_great_guard_follows() {
        let maps = "\
            7f0000000000-7f0000110000 rw-p 00000000 00:00 0\n\
            7f0000110000-7f0280000000 ---p 00000000 00:00 0\n\
            7f0300000000-7f0300800000 rw-p 00000000 00:00 0\n\
            7f0300800000-7f0300801000 ---p 00000000 00:00 0 a thread's stack guard\n\
            7f0400000000-7f0400100000 r--p 00000000 00:00 0 /lib/x\n\
            7f0400100000-7f0700000000 ---p 00000000 00:00 0\n";
        assert_eq!(guarded(maps), [0x11_0000]);
    }

    #[test]
    fn this_very_process_has_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_time(pid).expect("readable");
        let mut x = 1_u64;
        while cpu_time(pid).expect("readable") == before {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(resident(pid).expect("readable") > 1 << 20);
    }
}
