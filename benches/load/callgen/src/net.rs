//! Clocks and sockets straight from the kernel: receive time stamps come with the datagrams.

use std::mem::{size_of, zeroed};
use std::net::Ipv4Addr;

pub fn clock(id: libc::clockid_t) -> i64 {
    unsafe {
        let mut t: libc::timespec = zeroed();
        libc::clock_gettime(id, &mut t);
        t.tv_sec as i64 * 1_000_000_000 + t.tv_nsec as i64
    }
}
pub fn mono() -> i64 {
    clock(libc::CLOCK_MONOTONIC)
}
pub fn real() -> i64 {
    clock(libc::CLOCK_REALTIME)
}

pub fn sa(ip: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    unsafe {
        let mut a: libc::sockaddr_in = zeroed();
        a.sin_family = libc::AF_INET as u16;
        a.sin_port = port.to_be();
        a.sin_addr.s_addr = u32::from_ne_bytes(ip.octets());
        a
    }
}

pub fn udp(ip: Ipv4Addr, port: u16, rcvbuf: i32) -> i32 {
    let fd = try_udp(ip, port, rcvbuf);
    if fd < 0 {
        panic!("bind {}:{}: {}", ip, port, std::io::Error::last_os_error())
    }
    fd
}

/// Socket bound to ip:port, or -1 where the port is taken.
pub fn try_udp(ip: Ipv4Addr, port: u16, rcvbuf: i32) -> i32 {
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0);
        if fd < 0 {
            panic!("socket: {}", std::io::Error::last_os_error());
        }
        let one: i32 = 1;
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &one as *const _ as _, 4);
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &rcvbuf as *const _ as _, 4);
        let a = sa(ip, port);
        if libc::bind(fd, &a as *const _ as _, size_of::<libc::sockaddr_in>() as u32) != 0 {
            let err = *libc::__errno_location();
            libc::close(fd);
            *libc::__errno_location() = err;
            return -1;
        }
        fd
    }
}

pub struct Rx {
    pub bufs: Vec<[u8; 2048]>,
    pub ctl: Vec<[u64; 8]>,
    pub iov: Vec<libc::iovec>,
    pub mh: Vec<libc::mmsghdr>,
    pub from: Vec<libc::sockaddr_in>,
}
impl Rx {
    pub fn new(n: usize) -> Self {
        unsafe {
            Rx {
                bufs: vec![[0; 2048]; n],
                ctl: vec![[0; 8]; n],
                iov: vec![zeroed(); n],
                mh: vec![zeroed(); n],
                from: vec![zeroed(); n],
            }
        }
    }
    /// Receives up to `max` datagrams; returns how many.
    pub fn recv(&mut self, fd: i32, max: usize) -> usize {
        unsafe {
            for i in 0..max {
                self.iov[i].iov_base = self.bufs[i].as_mut_ptr() as _;
                self.iov[i].iov_len = 2048;
                let h = &mut self.mh[i].msg_hdr;
                h.msg_iov = &mut self.iov[i];
                h.msg_iovlen = 1;
                h.msg_control = self.ctl[i].as_mut_ptr() as _;
                h.msg_controllen = 64;
                h.msg_name = &mut self.from[i] as *mut _ as _;
                h.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            }
            if max == 1 {
                let r = libc::recvmsg(fd, &mut self.mh[0].msg_hdr, libc::MSG_DONTWAIT);
                if r < 0 {
                    return 0;
                }
                self.mh[0].msg_len = r as u32;
                1
            } else {
                let r = libc::recvmmsg(
                    fd,
                    self.mh.as_mut_ptr(),
                    max as u32,
                    libc::MSG_DONTWAIT,
                    std::ptr::null_mut(),
                );
                if r < 0 { 0 } else { r as usize }
            }
        }
    }
    pub fn stamp(&self, i: usize) -> i64 {
        unsafe {
            let h = &self.mh[i].msg_hdr;
            let c = libc::CMSG_FIRSTHDR(h);
            if !c.is_null() && (*c).cmsg_level == libc::SOL_SOCKET && (*c).cmsg_type == libc::SCM_TIMESTAMPNS
            {
                let t = &*(libc::CMSG_DATA(c) as *const libc::timespec);
                return t.tv_sec as i64 * 1_000_000_000 + t.tv_nsec as i64;
            }
            real()
        }
    }
}

pub fn rusage() -> (f64, f64) {
    unsafe {
        let mut r: libc::rusage = zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut r);
        (
            r.ru_utime.tv_sec as f64 + r.ru_utime.tv_usec as f64 / 1e6,
            r.ru_stime.tv_sec as f64 + r.ru_stime.tv_usec as f64 / 1e6,
        )
    }
}
