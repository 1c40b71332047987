//! SIP and RTP load generator and sink for the hotline's benchmarks.
//!
//! Modes:
//!   sip : N calls to a SIP server over UDP; the same process can also be the agent side (UAS).
//!         G.711, 20 ms packets, one UDP socket per leg, kernel receive timestamps.
//!   raw : RTP only, N calls x 2 legs against a plain relay (fixed port plan), no SIP.
//!
//! One thread. Packets leave on a fixed tick grid (default 1 ms, so 20 send slots per 20 ms).
//! Jitter is measured from kernel timestamps (SO_TIMESTAMPNS), which on loopback are taken in the
//! sender's context: they show the pacing of the server, not the scheduling of this tool.
//! Every sent packet has a magic word and the send time in its payload, so that a packet which
//! comes back through a bridge gives the one-way delay and proves that both legs are connected.

mod engine;
mod histogram;
mod net;
mod sip;

use std::collections::HashMap;
use std::io::Write;
use std::net::Ipv4Addr;

use engine::{Engine, PKT};
use histogram::Hist;
use net::{Rx, mono, rusage, sa, udp};
use sip::{Sip, St};

fn arg(a: &[String], k: &str, d: &str) -> String {
    let mut it = a.iter();
    while let Some(x) = it.next() {
        if x == k {
            return it.next().cloned().unwrap_or_default();
        }
    }
    d.to_string()
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a.len() < 2 || a[1] == "-h" || a[1] == "--help" {
        eprintln!(
            "callgen sip --target IP:PORT --user U --calls N --rate CPS --hold S [--uas-port P] [--uac-port P] [--rtp-base P] [--rtp-step 2] [--pt 8|0] [--no-media] [--win-from S --win-to S]\n\
                   callgen raw --calls N --seconds S --gen-base P --relay-base P [--shared M] [--dst-two] [--rx-only] [--tick-us 250]\n\
                   both: [--ip 127.0.0.1] [--json FILE]; times in seconds from the start"
        );
        std::process::exit(2);
    }
    unsafe {
        let r = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
        libc::setrlimit(libc::RLIMIT_NOFILE, &r);
    }
    let raw = a[1] == "raw";
    let ip: Ipv4Addr = arg(&a, "--ip", "127.0.0.1").parse().unwrap();
    let calls: usize = arg(&a, "--calls", "1").parse().unwrap();
    let tick: i64 = arg(&a, "--tick-us", if raw { "250" } else { "1000" }).parse().unwrap();
    let pt: u8 = arg(&a, "--pt", "8").parse().unwrap();
    let hold: f64 = arg(&a, "--hold", "30").parse().unwrap();
    let rate: f64 = arg(&a, "--rate", "10").parse().unwrap();
    let secs: f64 = arg(&a, "--seconds", "10").parse().unwrap();
    let media = !a.iter().any(|x| x == "--no-media");
    let mut e = Engine::new(tick, pt);
    let epfd = unsafe { libc::epoll_create1(0) };
    let add = |fd: i32| unsafe {
        let mut ev = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
        libc::epoll_ctl(epfd, libc::EPOLL_CTL_ADD, fd, &mut ev);
    };
    let tfd = unsafe {
        let t = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK);
        let iv = libc::timespec { tv_sec: 0, tv_nsec: tick * 1000 };
        let it = libc::itimerspec { it_interval: iv, it_value: iv };
        libc::timerfd_settime(t, 0, &it, std::ptr::null_mut());
        t
    };
    add(tfd);
    let user = arg(&a, "--user", "1000");
    let target = arg(&a, "--target", "127.0.0.1:5060");
    let (th, tp) = target.split_once(':').unwrap();
    let tsa = sa(th.parse().unwrap(), tp.parse().unwrap());
    let rtp_base: u16 = arg(&a, "--rtp-base", "20000").parse().unwrap();
    let uac_port: u16 = arg(&a, "--uac-port", "6060").parse().unwrap();
    let uas_port: u16 = arg(&a, "--uas-port", "0").parse().unwrap();
    let mut shared: Vec<i32> = vec![];
    let mut sip = Sip {
        fd_uac: -1,
        fd_uas: -1,
        ip,
        uac_port,
        uas_port,
        calls: vec![],
        by_cid: HashMap::new(),
        pt,
        step: arg(&a, "--rtp-step", "2").parse().unwrap(),
        retrans_tx: 0,
        retrans_rx: 0,
        failed: 0,
        codes: HashMap::new(),
        setup: Hist::new(),
        trying: Hist::new(),
        ring: 0,
        server_bye: 0,
        reinvites: 0,
        tmo: 0,
        stray: 0,
        next_port: rtp_base,
        invites_uas: 0,
        media,
        epfd,
        rport_of: HashMap::new(),
        lports: vec![],
    };
    if raw {
        let gb: u16 = arg(&a, "--gen-base", "10000").parse().unwrap();
        let rb: u16 = arg(&a, "--relay-base", "15000").parse().unwrap();
        let rxonly = a.iter().any(|x| x == "--rx-only");
        let two = a.iter().any(|x| x == "--dst-two");
        let m: usize = arg(&a, "--shared", "0").parse().unwrap();
        let m = if m == 0 { calls * 2 } else { m };
        for k in 0..m {
            let fd = udp(ip, gb + k as u16, 4_194_304);
            add(fd);
            shared.push(fd)
        }
        for k in 0..calls * 2 {
            let s = e.add(shared[k % m]);
            // balanced slots, legs on the same socket next to each other
            e.streams[s].on = true;
            e.streams[s].dst = sa(ip, rb + if two { k % 2 } else { k } as u16);
            let n = e.slots.len();
            if !rxonly {
                e.slots[(k / 2) % n].push(s);
            }
        }
        for s in e.slots.iter_mut() {
            let st = &e.streams;
            s.sort_by_key(|i| (st[*i].fd, *i))
        }
    } else {
        sip.fd_uac = udp(ip, uac_port, 4_194_304);
        add(sip.fd_uac);
        if uas_port != 0 {
            sip.fd_uas = udp(ip, uas_port, 4_194_304);
            add(sip.fd_uas)
        }
    }
    let ramp = calls as f64 / rate;
    let total = if raw { secs } else { ramp + hold };
    let w_from: f64 =
        arg(&a, "--win-from", &format!("{}", if raw { 1.0 } else { ramp + 2.0 })).parse().unwrap();
    let w_to: f64 = arg(&a, "--win-to", &format!("{}", if raw { secs } else { hold - 0.5 })).parse().unwrap();
    let t0 = mono();
    e.next_tick = t0;
    let mut started = 0usize;
    let mut evs: Vec<libc::epoll_event> = vec![libc::epoll_event { events: 0, u64: 0 }; 512];
    let mut rx = Rx::new(64);
    let mut last_scan = 0i64;
    let mut grace = 0f64;
    let mut peak_up = 0usize;
    let mut u0 = (0.0, 0.0);
    let mut u1 = (0.0, 0.0);
    loop {
        let now = mono();
        let el = (now - t0) as f64 / 1e9;
        let m = el >= w_from && el < w_to;
        if m && !e.measuring {
            u0 = rusage()
        }
        if !m && e.measuring {
            u1 = rusage()
        }
        e.measuring = m;
        if raw {
            if el >= total {
                if grace == 0.0 {
                    grace = el;
                    for s in e.slots.iter_mut() {
                        s.clear()
                    }
                } else if el > grace + 0.3 {
                    break;
                }
            }
        } else {
            let mut burst = 0;
            while started < calls && el >= started as f64 / rate && burst < 32 {
                sip.invite(&mut e, started, &user, tsa, &target);
                started += 1;
                burst += 1;
            }
            if now - last_scan > 5_000_000 {
                last_scan = now;
                let hn = (hold * 1e9) as i64;
                let mut byes = 0;
                let mut up = 0;
                for i in 0..sip.calls.len() {
                    if sip.calls[i].uac && sip.calls[i].st == St::Up {
                        up += 1;
                        if now - sip.calls[i].t_up >= hn && byes < 16 {
                            e.stop(sip.calls[i].stream);
                            sip.bye(i);
                            byes += 1
                        }
                    }
                }
                if up > peak_up {
                    peak_up = up
                }
                sip.timers(now);
                if started == calls && sip.calls.iter().all(|c| matches!(c.st, St::Done | St::Failed)) {
                    break;
                }
                if el > total + 40.0 {
                    break;
                }
            }
        }
        e.tick();
        let n = unsafe { libc::epoll_wait(epfd, evs.as_mut_ptr(), 512, 5) };
        let mut since = 0;
        for event in &evs[..n.max(0) as usize] {
            let fd = event.u64 as i32;
            if fd == tfd {
                let mut b = 0u64;
                unsafe {
                    libc::read(tfd, &mut b as *mut _ as _, 8);
                }
                e.tick();
                continue;
            }
            if raw {
                let c = rx.recv(fd, if shared.len() < calls { 64 } else { 1 });
                for j in 0..c {
                    let at = rx.stamp(j);
                    let len = rx.mh[j].msg_len as usize;
                    let ss =
                        u32::from_be_bytes([rx.bufs[j][8], rx.bufs[j][9], rx.bufs[j][10], rx.bufs[j][11]]);
                    let id = ss.wrapping_sub(0x1000_0000) as usize;
                    if id < e.streams.len() {
                        let b = rx.bufs[j];
                        e.on_rtp(id, &b[..len.min(PKT)], at)
                    }
                }
            } else if fd == sip.fd_uac || fd == sip.fd_uas {
                let c = rx.recv(fd, 16);
                for j in 0..c {
                    let at = rx.stamp(j);
                    let len = rx.mh[j].msg_len as usize;
                    let from = rx.from[j];
                    let b = rx.bufs[j];
                    if let Ok(s) = std::str::from_utf8(&b[..len.min(2048)]) {
                        sip.on_msg(&mut e, fd, s, from, at)
                    }
                }
            } else if let Some(&s) = sip.rport_of.get(&fd)
                && rx.recv(fd, 1) == 1
            {
                let at = rx.stamp(0);
                let len = rx.mh[0].msg_len as usize;
                let b = rx.bufs[0];
                e.on_rtp(s, &b[..len.min(PKT)], at)
            }
            since += 1;
            if since % 64 == 0 {
                e.tick()
            }
        }
    }
    for s in e.streams.iter_mut() {
        if s.rx_n > 0 {
            s.lost += (s.rx_ext - s.rx_base + 1) - s.seg_n as i64
        }
    }
    let sent: u64 = e.streams.iter().map(|s| s.sent).sum();
    let rxn: u64 = e.streams.iter().map(|s| s.rx_n).sum();
    let lost: i64 = e.streams.iter().map(|s| s.lost.max(0)).sum();
    let ooo: u64 = e.streams.iter().map(|s| s.ooo).sum();
    let silent = e.streams.iter().filter(|s| s.sent > 0 && s.rx_n == 0).count();
    let bridged = e.streams.iter().filter(|s| s.first_magic > 0).count();
    let mut fm = Hist::new();
    let mut conn = Hist::new();
    for c in sip.calls.iter().filter(|c| c.uac) {
        let s = &e.streams[c.stream];
        if s.first_rx > 0 && s.started > 0 {
            fm.add(s.first_rx - s.started)
        }
        if s.first_magic > 0 {
            conn.add(s.first_magic - c.t_invite)
        }
    }
    let mut sg: Vec<i64> = e.streams.iter().filter(|s| s.max_gap > 0).map(|s| s.max_gap).collect();
    sg.sort();
    let (u, st) = rusage();
    let ok = sip.calls.iter().filter(|c| c.uac && c.t_up > 0).count();
    let codes: Vec<String> = sip.codes.iter().map(|(k, v)| format!("\"{}\":{}", k, v)).collect();
    let j = format!(
        "{{\"mode\":\"{}\",\"calls\":{},\"rate\":{},\"hold\":{},\"window\":[{:.2},{:.2}],\"ok\":{},\"failed\":{},\"timeouts\":{},\"peak_up\":{},\"codes\":{{{}}},\"setup\":{},\"trying\":{},\"first_media_after_200\":{},\"invite_to_bridged\":{},\"agent_invites\":{},\"server_bye\":{},\"reinvites\":{},\"sip_retrans_sent\":{},\"sip_retrans_seen\":{},\"stray\":{},\"rtp_sent\":{},\"rtp_rx\":{},\"rtp_rx_window\":{},\"rtp_lost\":{},\"rtp_ooo\":{},\"streams\":{},\"silent_streams\":{},\"bridged_streams\":{},\"interarrival\":{},\"dev_from_20ms\":{},\"one_way_delay\":{},\"gaps_over_60ms\":{},\"max_gap_ms\":{:.3},\"max_gap_median_stream_ms\":{:.3},\"send_lateness\":{},\"skipped_ticks\":{},\"send_err\":{},\"gen_cpu_user\":{:.3},\"gen_cpu_sys\":{:.3},\"gen_cpu_window\":{:.3}}}",
        a[1],
        calls,
        rate,
        hold,
        w_from,
        w_to,
        ok,
        sip.failed,
        sip.tmo,
        peak_up,
        codes.join(","),
        sip.setup.json(),
        sip.trying.json(),
        fm.json(),
        conn.json(),
        sip.invites_uas,
        sip.server_bye,
        sip.reinvites,
        sip.retrans_tx,
        sip.retrans_rx,
        sip.stray,
        sent,
        rxn,
        e.rx_win,
        if raw { sent as i64 - rxn as i64 } else { lost },
        ooo,
        e.streams.len(),
        silent,
        bridged,
        e.gap.json(),
        e.dev.json(),
        e.owd.json(),
        e.cap_gap,
        e.max_gap_win as f64 / 1e6,
        sg.get(sg.len() / 2).copied().unwrap_or(0) as f64 / 1e6,
        e.late.json(),
        e.skipped,
        e.send_err,
        u,
        st,
        (u1.0 + u1.1) - (u0.0 + u0.1)
    );
    let f = arg(&a, "--json", "");
    if f.is_empty() {
        println!("{}", j)
    } else {
        std::fs::File::create(&f).unwrap().write_all(j.as_bytes()).unwrap()
    }
}
