//! Both ends of the signalling: callers that dial and hang up, agents that answer at once.

use std::collections::HashMap;
use std::mem::size_of;
use std::net::Ipv4Addr;

use crate::engine::Engine;
use crate::histogram::Hist;
use crate::net::{mono, real, sa, try_udp};

pub fn hdr<'a>(m: &'a str, names: &[&str]) -> Option<&'a str> {
    for l in m.split("\r\n") {
        if l.is_empty() {
            break;
        }
        if let Some(p) = l.find(':') {
            let k = l[..p].trim();
            if names.iter().any(|n| n.eq_ignore_ascii_case(k)) {
                return Some(l[p + 1..].trim());
            }
        }
    }
    None
}
pub fn sdp_addr(m: &str) -> Option<(Ipv4Addr, u16)> {
    let body = m.split_once("\r\n\r\n")?.1;
    let (mut ip, mut port) = (None, None);
    for l in body.lines() {
        let l = l.trim_end();
        if let Some(r) = l.strip_prefix("c=IN IP4 ") {
            ip = r.split('/').next()?.parse::<Ipv4Addr>().ok()
        }
        if let Some(r) = l.strip_prefix("m=audio ") {
            port = r.split(' ').next()?.parse::<u16>().ok()
        }
    }
    Some((ip?, port?))
}

#[derive(PartialEq, Clone, Copy, Debug)]
pub enum St {
    Inviting,
    Up,
    Bye,
    Done,
    Failed,
}
pub struct Call {
    pub cid: String,
    pub st: St,
    pub uac: bool,
    pub stream: usize,
    pub t_invite: i64,
    pub t_invite_m: i64,
    pub last_tx: i64,
    pub rto: i64,
    pub msg: String,
    pub t_up: i64,
    pub local_tag: String,
    pub remote: String,
    pub local: String,
    pub rcontact: String,
    pub cseq: u32,
    pub peer: libc::sockaddr_in,
    pub acked: bool,
    pub ok: String,
    pub t200: i64,
}

pub struct Sip {
    pub fd_uac: i32,
    pub fd_uas: i32,
    pub ip: Ipv4Addr,
    pub uac_port: u16,
    pub uas_port: u16,
    pub calls: Vec<Call>,
    pub by_cid: HashMap<String, usize>,
    pub pt: u8,
    pub step: u16,
    pub retrans_tx: u64,
    pub retrans_rx: u64,
    pub failed: u64,
    pub codes: HashMap<u16, u64>,
    pub setup: Hist,
    pub trying: Hist,
    pub ring: u64,
    pub server_bye: u64,
    pub reinvites: u64,
    pub tmo: u64,
    pub stray: u64,
    pub next_port: u16,
    pub invites_uas: u64,
    pub media: bool,
    pub epfd: i32,
    pub rport_of: HashMap<i32, usize>,
    pub lports: Vec<u16>,
}

impl Sip {
    pub fn sdp(&self, port: u16) -> String {
        let n = if self.pt == 8 { "PCMA" } else { "PCMU" };
        format!(
            "v=0\r\no=cg 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP {pt} 101\r\na=rtpmap:{pt} {n}/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
            ip = self.ip,
            port = port,
            pt = self.pt,
            n = n
        )
    }
    pub fn send(&self, fd: i32, to: &libc::sockaddr_in, m: &str) {
        unsafe {
            libc::sendto(
                fd,
                m.as_ptr() as _,
                m.len(),
                0,
                to as *const _ as _,
                size_of::<libc::sockaddr_in>() as u32,
            );
        }
    }
    pub fn new_stream(&mut self, e: &mut Engine) -> (usize, u16) {
        let mut port = self.next_port;
        let mut fd = -1;
        if self.media {
            for _ in 0..64 {
                fd = try_udp(self.ip, port, 262_144);
                if fd >= 0 {
                    break;
                }
                port += self.step;
            }
            if fd < 0 {
                panic!("no free RTP port near {}", port)
            }
        }
        self.next_port = port + self.step;
        let s = e.add(fd);
        self.lports.push(port);
        if fd >= 0 {
            self.rport_of.insert(fd, s);
            let mut ev = libc::epoll_event { events: libc::EPOLLIN as u32, u64: fd as u64 };
            unsafe {
                libc::epoll_ctl(self.epfd, libc::EPOLL_CTL_ADD, fd, &mut ev);
            }
        }
        (s, port)
    }
    pub fn invite(&mut self, e: &mut Engine, idx: usize, user: &str, target: libc::sockaddr_in, tip: &str) {
        let (s, port) = self.new_stream(e);
        let sdp = self.sdp(port);
        let cid = format!("cg{}-{}-{}", idx, std::process::id(), mono());
        let tag = format!("t{}x{}", idx, std::process::id());
        let local = format!("<sip:caller{}@{}:{}>;tag={}", idx, self.ip, self.uac_port, tag);
        let msg = format!(
            "INVITE sip:{user}@{tip} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{p};rport;branch=z9hG4bKi{cid}\r\nMax-Forwards: 70\r\nFrom: {local}\r\nTo: <sip:{user}@{tip}>\r\nCall-ID: {cid}\r\nCSeq: 1 INVITE\r\nContact: <sip:caller{idx}@{ip}:{p}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len(),
            ip = self.ip,
            p = self.uac_port
        );
        self.send(self.fd_uac, &target, &msg);
        self.by_cid.insert(cid.clone(), self.calls.len());
        self.calls.push(Call {
            cid,
            st: St::Inviting,
            uac: true,
            stream: s,
            t_invite: real(),
            t_invite_m: mono(),
            last_tx: mono(),
            rto: 500_000_000,
            msg,
            t_up: 0,
            local_tag: tag,
            remote: format!("<sip:{user}@{tip}>"),
            local,
            rcontact: format!("sip:{user}@{tip}"),
            cseq: 1,
            peer: target,
            acked: false,
            ok: String::new(),
            t200: 0,
        });
    }
    pub fn request(&self, c: &Call, method: &str, branch: &str, cseq: u32) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{p};rport;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            c.local,
            c.remote,
            c.cid,
            uri = c.rcontact,
            ip = self.ip,
            p = if c.uac { self.uac_port } else { self.uas_port }
        )
    }
    pub fn bye(&mut self, i: usize) {
        let cs = self.calls[i].cseq + 1;
        let m = self.request(&self.calls[i], "BYE", &format!("b{}{}", self.calls[i].cid, cs), cs);
        let fd = if self.calls[i].uac { self.fd_uac } else { self.fd_uas };
        self.send(fd, &self.calls[i].peer, &m);
        let c = &mut self.calls[i];
        c.cseq = cs;
        c.st = St::Bye;
        c.msg = m;
        c.last_tx = mono();
        c.rto = 500_000_000;
        c.t_invite_m = mono();
    }
    pub fn reply(&self, req: &str, code: &str, totag: &str, contact: &str, body: &str) -> String {
        let mut o = format!("SIP/2.0 {}\r\n", code);
        for l in req.split("\r\n").skip(1) {
            if l.is_empty() {
                break;
            }
            let k = l.split(':').next().unwrap_or("").trim().to_ascii_lowercase();
            match k.as_str() {
                "via" | "v" | "from" | "f" | "call-id" | "i" | "cseq" | "record-route" => {
                    o.push_str(l);
                    o.push_str("\r\n")
                }
                "to" | "t" => {
                    o.push_str(l);
                    if !l.contains("tag=") && !totag.is_empty() {
                        o.push_str(";tag=");
                        o.push_str(totag)
                    }
                    o.push_str("\r\n")
                }
                _ => {}
            }
        }
        if !contact.is_empty() {
            o.push_str(&format!("Contact: <{}>\r\n", contact))
        }
        o.push_str("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n");
        if !body.is_empty() {
            o.push_str("Content-Type: application/sdp\r\n")
        }
        o.push_str(&format!("Content-Length: {}\r\n\r\n{}", body.len(), body));
        o
    }
    pub fn on_msg(&mut self, e: &mut Engine, fd: i32, m: &str, from: libc::sockaddr_in, at: i64) {
        let cid = match hdr(m, &["Call-ID", "i"]) {
            Some(c) => c.to_string(),
            None => return,
        };
        let cseq = hdr(m, &["CSeq"]).unwrap_or("");
        let method = cseq.split(' ').nth(1).unwrap_or("").to_string();
        if let Some(rest) = m.strip_prefix("SIP/2.0 ") {
            let code: u16 = rest[..3].parse().unwrap_or(0);
            let i = match self.by_cid.get(&cid) {
                Some(i) => *i,
                None => {
                    self.stray += 1;
                    return;
                }
            };
            if method == "INVITE" && self.calls[i].uac {
                if code < 200 {
                    if code == 100 {
                        self.trying.add(at - self.calls[i].t_invite)
                    } else {
                        self.ring += 1
                    }
                    self.calls[i].rto = i64::MAX / 4;
                    return;
                }
                if let Some(t) = hdr(m, &["To", "t"]) {
                    self.calls[i].remote = t.to_string()
                }
                if code < 300 {
                    if let Some(c) = hdr(m, &["Contact", "m"])
                        && let (Some(a), Some(b)) = (c.find('<'), c.find('>'))
                    {
                        self.calls[i].rcontact = c[a + 1..b].to_string()
                    }
                    let first = self.calls[i].st == St::Inviting;
                    let ack = self.request(&self.calls[i], "ACK", &format!("a{}", cid), 1);
                    self.send(fd, &self.calls[i].peer, &ack);
                    if first {
                        self.setup.add(at - self.calls[i].t_invite);
                        self.calls[i].st = St::Up;
                        self.calls[i].t_up = mono();
                        self.calls[i].msg.clear();
                        if self.media
                            && let Some((ip, p)) = sdp_addr(m)
                        {
                            e.start(self.calls[i].stream, sa(ip, p))
                        }
                        *self.codes.entry(code).or_default() += 1;
                    } else {
                        self.retrans_rx += 1
                    }
                } else {
                    let ack = self.request(&self.calls[i], "ACK", &format!("i{}", cid), 1);
                    self.send(fd, &self.calls[i].peer, &ack);
                    if self.calls[i].st == St::Inviting {
                        self.calls[i].st = St::Failed;
                        self.failed += 1;
                        *self.codes.entry(code).or_default() += 1;
                    }
                }
            } else if method == "BYE" && code >= 200 && self.calls[i].st == St::Bye {
                self.calls[i].st = St::Done
            }
            return;
        }
        let meth = m.split(' ').next().unwrap_or("").to_string();
        let port = if fd == self.fd_uas { self.uas_port } else { self.uac_port };
        let known = self.by_cid.get(&cid).copied();
        let contact = format!("sip:cg@{}:{}", self.ip, port);
        match meth.as_str() {
            "ACK" => {
                if let Some(i) = known {
                    self.calls[i].acked = true;
                    self.calls[i].ok.clear()
                }
            }
            "INVITE" | "UPDATE" => {
                if let Some(i) = known {
                    let tag = self.calls[i].local_tag.clone();
                    if meth == "INVITE"
                        && !self.calls[i].ok.is_empty()
                        && !self.calls[i].acked
                        && self.calls[i].st == St::Up
                        && !hdr(m, &["To", "t"]).unwrap_or("").contains("tag=")
                    {
                        self.retrans_rx += 1;
                        let ok = self.calls[i].ok.clone();
                        self.send(fd, &from, &ok);
                        return;
                    }
                    self.reinvites += 1;
                    if let Some((ip, p)) = sdp_addr(m)
                        && self.media
                        && self.calls[i].st == St::Up
                    {
                        e.start(self.calls[i].stream, sa(ip, p))
                    }
                    let lp = self.lports[self.calls[i].stream];
                    let body =
                        if m.contains("m=audio") || meth == "INVITE" { self.sdp(lp) } else { String::new() };
                    let r = self.reply(m, "200 OK", &tag, &contact, &body);
                    self.send(fd, &from, &r);
                    return;
                }
                self.invites_uas += 1;
                let (s, lp) = self.new_stream(e);
                let tag = format!("u{}", self.calls.len());
                let body = self.sdp(lp);
                let r = self.reply(m, "200 OK", &tag, &contact, &body);
                self.send(fd, &from, &r);
                let rc = hdr(m, &["Contact", "m"])
                    .and_then(|c| Some(c[c.find('<')? + 1..c.find('>')?].to_string()))
                    .unwrap_or_default();
                let to = hdr(m, &["To", "t"]).unwrap_or("").to_string() + ";tag=" + &tag;
                self.by_cid.insert(cid.clone(), self.calls.len());
                if self.media
                    && let Some((ip, p)) = sdp_addr(m)
                {
                    e.start(s, sa(ip, p))
                }
                self.calls.push(Call {
                    cid,
                    st: St::Up,
                    uac: false,
                    stream: s,
                    t_invite: at,
                    t_invite_m: mono(),
                    last_tx: mono(),
                    rto: 500_000_000,
                    msg: String::new(),
                    t_up: mono(),
                    local_tag: tag,
                    remote: hdr(m, &["From", "f"]).unwrap_or("").to_string(),
                    local: to,
                    rcontact: rc,
                    cseq: 100,
                    peer: from,
                    acked: false,
                    ok: r,
                    t200: mono(),
                });
            }
            "BYE" => {
                let r = self.reply(m, "200 OK", "", "", "");
                self.send(fd, &from, &r);
                if let Some(i) = known {
                    if self.calls[i].uac && self.calls[i].st == St::Up {
                        self.server_bye += 1
                    }
                    if self.calls[i].st == St::Up || self.calls[i].st == St::Bye {
                        self.calls[i].st = St::Done
                    }
                    e.stop(self.calls[i].stream);
                }
            }
            "CANCEL" => {
                let r = self.reply(m, "200 OK", "x", "", "");
                self.send(fd, &from, &r);
            }
            _ => {
                let r = self.reply(m, "200 OK", "o1", &contact, "");
                self.send(fd, &from, &r);
            }
        }
    }
    pub fn timers(&mut self, now: i64) {
        for i in 0..self.calls.len() {
            match self.calls[i].st {
                St::Inviting | St::Bye => {
                    if now - self.calls[i].t_invite_m > 32_000_000_000 {
                        if self.calls[i].st == St::Inviting {
                            self.failed += 1;
                            self.tmo += 1;
                            self.calls[i].st = St::Failed
                        } else {
                            self.tmo += 1;
                            self.calls[i].st = St::Done
                        }
                    } else if now - self.calls[i].last_tx > self.calls[i].rto {
                        self.retrans_tx += 1;
                        let fd = if self.calls[i].uac { self.fd_uac } else { self.fd_uas };
                        self.send(fd, &self.calls[i].peer, &self.calls[i].msg);
                        self.calls[i].last_tx = now;
                        self.calls[i].rto = (self.calls[i].rto * 2).min(4_000_000_000);
                    }
                }
                St::Up
                    if !self.calls[i].uac
                        && !self.calls[i].acked
                        && now - self.calls[i].last_tx > self.calls[i].rto
                        && now - self.calls[i].t200 < 32_000_000_000 =>
                {
                    self.retrans_tx += 1;
                    self.send(self.fd_uas, &self.calls[i].peer, &self.calls[i].ok);
                    self.calls[i].last_tx = now;
                    self.calls[i].rto = (self.calls[i].rto * 2).min(4_000_000_000);
                }
                _ => {}
            }
        }
    }
}
