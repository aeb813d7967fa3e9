//! Clocks of processes, and what many figures come to.

use std::collections::BTreeMap;
use std::time::Duration;

/// User and system time of all threads of a living process, in nanoseconds' resolution.
#[allow(unsafe_code)]
pub fn cpu_of(pid: u32) -> Duration {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write to one place each, which outlives them.
    let result = unsafe {
        match libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) {
            0 => libc::clock_gettime(clock, &mut time),
            error => error,
        }
    };
    assert_eq!(result, 0, "the clock of process {pid} is read");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How often each thread was put on a processor: the third figure of its `schedstat`.
pub fn runs_of(pid: u32) -> BTreeMap<String, u64> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
    let threads = threads.map(|thread| thread.expect("readable").path());
    threads
        .filter_map(|thread| {
            let name = std::fs::read_to_string(thread.join("comm")).ok()?;
            let runs = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            let runs = runs.split_whitespace().nth(2)?.parse().ok()?;
            let id = thread.file_name()?.to_string_lossy().into_owned();
            Some((format!("{} {id}", name.trim()), runs))
        })
        .collect()
}

/// The middle one.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2 }
}

/// The time that so many of a hundred do not exceed.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[(sorted.len() * percent).div_ceil(100).clamp(1, sorted.len()) - 1]
}

/// Median, and between what.
pub fn spread(times: &[Duration]) -> String {
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    format!("{:8.1} ms ({:.1} to {:.1})", ms(median(times)), ms(*least), ms(*most))
}

/// How the times of single events lie.
pub fn latency(times: &[Duration]) -> String {
    let most = times.iter().max().unwrap();
    format!(
        "p50 {:.2} ms   p99 {:.2} ms   most {:.1} ms   of {}",
        ms(percentile(times, 50)),
        ms(percentile(times, 99)),
        ms(*most),
        times.len()
    )
}

/// In milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
