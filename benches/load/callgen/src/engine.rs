//! Every RTP stream of the run: what is sent on the tick grid, what comes back and when.

use std::mem::{size_of, zeroed};

use crate::histogram::Hist;
use crate::net::{mono, real};

pub const MAGIC: &[u8; 8] = b"HLBENCH1";
pub const PKT: usize = 172;

#[derive(Clone)]
pub struct Stream {
    pub fd: i32,
    pub dst: libc::sockaddr_in,
    pub on: bool,
    pub ssrc: u32,
    pub seq: u16,
    pub ts: u32,
    pub sent: u64,
    pub rx_ssrc: u32,
    pub rx_last: i64,
    pub rx_ext: i64,
    pub rx_base: i64,
    pub rx_n: u64,
    pub seg_n: u64,
    pub lost: i64,
    pub ooo: u64,
    pub max_gap: i64,
    pub first_rx: i64,
    pub first_magic: i64,
    pub ssrc_changes: u32,
    pub started: i64,
}

pub struct Engine {
    pub streams: Vec<Stream>,
    pub slots: Vec<Vec<usize>>,
    pub tick_ns: i64,
    pub next_tick: i64,
    pub slot: usize,
    pub pt: u8,
    pub measuring: bool,
    pub dev: Hist,
    pub gap: Hist,
    pub owd: Hist,
    pub late: Hist,
    pub txbuf: Vec<[u8; PKT]>,
    pub max_gap_win: i64,
    pub rx_win: u64,
    pub rx_bytes_other: u64,
    pub skipped: u64,
    pub cap_gap: u64,
    pub send_err: u64,
}

impl Engine {
    pub fn new(tick_us: i64, pt: u8) -> Self {
        let n = (20_000 / tick_us) as usize;
        Engine {
            streams: vec![],
            slots: vec![vec![]; n],
            tick_ns: tick_us * 1000,
            next_tick: mono(),
            slot: 0,
            pt,
            measuring: false,
            dev: Hist::new(),
            gap: Hist::new(),
            owd: Hist::new(),
            late: Hist::new(),
            txbuf: vec![[0xd5; PKT]; 64],
            max_gap_win: 0,
            rx_win: 0,
            rx_bytes_other: 0,
            skipped: 0,
            cap_gap: 0,
            send_err: 0,
        }
    }
    pub fn add(&mut self, fd: i32) -> usize {
        let i = self.streams.len();
        self.streams.push(Stream {
            fd,
            dst: unsafe { zeroed() },
            on: false,
            ssrc: 0x1000_0000 + i as u32,
            seq: (i * 7) as u16,
            ts: (i * 1601) as u32,
            sent: 0,
            rx_ssrc: 0,
            rx_last: 0,
            rx_ext: 0,
            rx_base: 0,
            rx_n: 0,
            seg_n: 0,
            lost: 0,
            ooo: 0,
            max_gap: 0,
            first_rx: 0,
            first_magic: 0,
            ssrc_changes: 0,
            started: 0,
        });
        i
    }
    pub fn start(&mut self, i: usize, dst: libc::sockaddr_in) {
        self.streams[i].dst = dst;
        if !self.streams[i].on {
            self.streams[i].on = true;
            self.streams[i].started = real();
            let n = self.slots.len();
            // the slot with the fewest streams near a spread position
            let s = (i * 7919) % n;
            let mut best = s;
            for k in 0..n {
                let c = (s + k) % n;
                if self.slots[c].len() < self.slots[best].len() {
                    best = c
                }
            }
            self.slots[best].push(i);
        }
    }
    pub fn stop(&mut self, i: usize) {
        if self.streams[i].on {
            self.streams[i].on = false;
            for s in self.slots.iter_mut() {
                if let Some(p) = s.iter().position(|x| *x == i) {
                    s.swap_remove(p);
                    break;
                }
            }
        }
    }
    pub fn tick(&mut self) {
        let mut now = mono();
        let mut guard = 0;
        while now >= self.next_tick {
            let late = now - self.next_tick;
            if self.measuring {
                self.late.add(late)
            }
            if late > 200_000_000 {
                self.skipped += 1;
            }
            let slot = self.slot;
            self.send_slot(slot);
            self.slot = (self.slot + 1) % self.slots.len();
            self.next_tick += self.tick_ns;
            now = mono();
            guard += 1;
            if guard > 400 {
                break;
            }
        }
    }
    pub fn send_slot(&mut self, slot: usize) {
        let rt = real();
        let list = std::mem::take(&mut self.slots[slot]);
        let mut k = 0;
        while k < list.len() {
            let fd = self.streams[list[k]].fd;
            let mut n = 0;
            unsafe {
                let mut iov: [libc::iovec; 64] = zeroed();
                let mut mh: [libc::mmsghdr; 64] = zeroed();
                while k + n < list.len() && n < 64 && self.streams[list[k + n]].fd == fd {
                    let s = &mut self.streams[list[k + n]];
                    let b = &mut self.txbuf[n];
                    b[0] = 0x80;
                    b[1] = self.pt | if s.sent == 0 { 0x80 } else { 0 };
                    b[2..4].copy_from_slice(&s.seq.to_be_bytes());
                    b[4..8].copy_from_slice(&s.ts.to_be_bytes());
                    b[8..12].copy_from_slice(&s.ssrc.to_be_bytes());
                    b[12..20].copy_from_slice(MAGIC);
                    b[20..28].copy_from_slice(&rt.to_be_bytes());
                    s.seq = s.seq.wrapping_add(1);
                    s.ts = s.ts.wrapping_add(160);
                    s.sent += 1;
                    iov[n].iov_base = b.as_mut_ptr() as _;
                    iov[n].iov_len = PKT;
                    mh[n].msg_hdr.msg_iov = &mut iov[n];
                    mh[n].msg_hdr.msg_iovlen = 1;
                    mh[n].msg_hdr.msg_name = &mut s.dst as *mut _ as _;
                    mh[n].msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
                    n += 1;
                }
                if n == 1 {
                    let r = libc::sendmsg(fd, &mh[0].msg_hdr, 0);
                    if r < 0 {
                        self.send_err += 1
                    }
                } else {
                    let mut done = 0;
                    while done < n {
                        let r = libc::sendmmsg(fd, mh.as_mut_ptr().add(done), (n - done) as u32, 0);
                        if r <= 0 {
                            self.send_err += 1;
                            done += 1;
                        } else {
                            done += r as usize
                        }
                    }
                }
            }
            k += n;
        }
        self.slots[slot] = list;
    }
    pub fn on_rtp(&mut self, i: usize, b: &[u8], at: i64) {
        if b.len() < 12 || b[0] >> 6 != 2 {
            return;
        }
        let ptv = b[1] & 0x7f;
        if ptv != self.pt {
            self.rx_bytes_other += 1;
            return;
        }
        let seq = u16::from_be_bytes([b[2], b[3]]) as i64;
        let ssrc = u32::from_be_bytes([b[8], b[9], b[10], b[11]]);
        let meas = self.measuring;
        let s = &mut self.streams[i];
        if s.rx_n == 0 {
            s.first_rx = at
        }
        if s.rx_n == 0 || ssrc != s.rx_ssrc {
            if s.rx_n > 0 {
                s.lost += (s.rx_ext - s.rx_base + 1) - s.seg_n as i64;
                s.ssrc_changes += 1
            }
            s.rx_ssrc = ssrc;
            s.rx_ext = seq;
            s.rx_base = seq;
            s.seg_n = 0;
        } else {
            let d = ((seq - (s.rx_ext & 0xffff)) as i16) as i64;
            if !(-1000..=1000).contains(&d) {
                // sequence restart on the same SSRC
                s.lost += (s.rx_ext - s.rx_base + 1) - s.seg_n as i64;
                s.ssrc_changes += 1;
                s.rx_ext = seq;
                s.rx_base = seq;
                s.seg_n = 0;
            } else if d > 0 {
                s.rx_ext += d
            } else {
                s.ooo += 1
            }
        }
        s.rx_n += 1;
        s.seg_n += 1;
        if s.rx_last != 0 && meas {
            let gap = at - s.rx_last;
            self.gap.add(gap);
            self.dev.add((gap - 20_000_000).abs());
            if gap > s.max_gap {
                s.max_gap = gap
            }
            if gap > self.max_gap_win {
                self.max_gap_win = gap
            }
            if gap > 60_000_000 {
                self.cap_gap += 1
            }
        }
        s.rx_last = at;
        if meas {
            self.rx_win += 1
        }
        if b.len() >= 28 && &b[12..20] == MAGIC {
            if s.first_magic == 0 {
                s.first_magic = at
            }
            if meas {
                let t = i64::from_be_bytes(b[20..28].try_into().unwrap());
                self.owd.add(at - t);
            }
        }
    }
}
