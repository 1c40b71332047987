//! What the process has and has left: read every second on a thread of its own, since counting thousands of file handles
//! takes the system a while.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exchange::{Gauges, Overload};

use super::failure::Failure;
use super::inbox::{Inbox, Report};

const EVERY: Duration = Duration::from_secs(1);

/// Reports until the inbox is closed.
#[expect(clippy::disallowed_methods, reason = "a thread whose only work is to look again after a while")]
pub fn start(inbox: Inbox<Report>) -> Result<(), Failure> {
    let look = move || {
        while !inbox.is_closed() {
            // Where it is full, the next one will tell.
            let _ = inbox.put(Report::Gauges(read()));
            std::thread::sleep(EVERY);
        }
    };
    let thread = std::thread::Builder::new().name("gauges".to_owned()).spawn(look);
    thread.map(drop).map_err(Failure::io("the gauges' thread could not be started"))
}

/// Where nobody has set a limit of memory: three quarters of what there is.
pub fn complete(overload: &mut Overload) {
    overload.resident = overload.resident.or_else(|| available().map(|octets| octets / 4 * 3));
}

fn read() -> Gauges {
    let open = fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64).ok();
    let limit = fs::read_to_string("/proc/self/limits").ok().and_then(|text| files_limit(&text));
    Gauges {
        files_left: limit.zip(open).map(|(limit, open)| limit.saturating_sub(open)),
        resident: fs::read_to_string("/proc/self/status").ok().and_then(|text| kib(&text, "VmRSS:")),
    }
}

/// The machine's memory, or what our control group may have of it. Asked of the kernel itself: under `ProcSubset=pid`
/// there is no /proc/meminfo.
fn available() -> Option<u64> {
    let system = rustix::system::sysinfo();
    #[expect(clippy::useless_conversion, reason = "a 32-bit machine counts in fewer bits")]
    let machine = u64::try_from(system.totalram).ok()?.checked_mul(system.mem_unit.into())?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits =
        limits(&groups).into_iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    limits.chain([machine]).min()
}

/// The files with the limits of our control group and of those around it, by `/proc/self/cgroup`. One that does not exist
/// limits nothing.
fn limits(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let within = Path::new(group.trim_start_matches('/')).ancestors();
        files.extend(within.map(|group| Path::new(root).join(group).join(file)));
    }
    files
}

/// The soft limit in `/proc/self/limits`.
fn files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The octets of a line such as `VmRSS:     1024 kB`.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_file_handles_left() {
        let gauges = read();
        assert!(gauges.files_left.is_some_and(|left| left > 0), "{gauges:?}");
        let resident = gauges.resident.unwrap();
        assert!(resident > 1 << 20 && available().is_some_and(|all| all > resident), "{gauges:?}");
    }

    #[test]
    fn the_kernel_s_tables_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(files_limit(limits), Some(1024));
        assert_eq!(
            files_limit("Max open files            unlimited            unlimited            files"),
            None
        );
        assert_eq!(kib("VmPeak:  9 kB\nVmRSS:\t   57168 kB\n", "VmRSS:"), Some(57_168 * 1024));
    }

    #[test]
    fn the_limit_of_a_unit_is_found_in_its_own_group_and_in_those_around_it() {
        let unit = limits("3:cpuset:/\n4:memory:/a\n0::/system.slice/hotline.service\n");
        let expected = [
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/system.slice/hotline.service/memory.max",
            "/sys/fs/cgroup/system.slice/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(unit, expected.map(PathBuf::from));
        assert!(limits("").is_empty() && limits("nonsense").is_empty());
    }

    #[test]
    fn a_limit_that_is_set_stays() {
        let mut set = Overload { resident: Some(7), ..Overload::default() };
        complete(&mut set);
        assert_eq!(set.resident, Some(7));
        let mut unset = Overload { resident: None, ..Overload::default() };
        complete(&mut unset);
        assert!(unset.resident.is_some_and(|octets| octets > 1 << 20));
    }
}
