//! A dialog's state and the requests that it makes (RFC 3261 §12).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Flow, Headers, Method, Name, NameAddr, Request, Response, Text, Uri};

/// What two user agents have in common from the first response with a tag on.
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: Text,
    /// Ours, with our tag.
    local: NameAddr,
    /// The peer's, with its tag unless it is of RFC 2543's time.
    remote: NameAddr,
    /// Of our last request.
    local_sequence: u32,
    /// Of the peer's last request, once there was one.
    remote_sequence: Option<u32>,
    /// The peer's Contact: the Request-URI of our requests.
    target: Uri,
    /// Our way there, nearest first.
    routes: Vec<NameAddr>,
    /// Where the last message came from, or the first went.
    flow: Flow,
    /// Our requests take `flow` whatever the Contact says: a stream, or a peer whose address is not what it
    /// thinks.
    pinned: bool,
    /// Our Contact's value.
    contact: String,
}

impl Dialog {
    /// The callee's side (RFC 3261 §12.1.1): from the INVITE that came over `flow`. `None` where its Contact or
    /// Record-Route cannot be read. Without a Contact it is of RFC 2543's time: From is the target, and its
    /// sender is reached where it came from.
    pub fn of_server(invite: &Request, flow: Flow, tag: &Text, contact: String) -> Option<Self> {
        let routes = invite.headers.addresses(Name::RecordRoute).ok()?;
        let has_contact = invite.headers.has(Name::Contact);
        let target = if has_contact { invite.headers.contact()?.uri } else { invite.from.uri.clone() };
        Some(Dialog {
            call_id: invite.call_id.clone(),
            local: invite.to.clone().with_tag(tag),
            remote: invite.from.clone(),
            local_sequence: 0,
            remote_sequence: Some(invite.cseq),
            target,
            pinned: flow.transport.is_reliable()
                || (routes.is_empty() && (!has_contact || is_translated(invite))),
            routes,
            flow,
            contact,
        })
    }

    /// The caller's side (RFC 3261 §12.1.2): from the response with a tag to the INVITE that went over `flow`.
    /// A 2xx without a usable Contact leaves the INVITE's own target.
    pub fn of_client(invite: &Request, response: &Response, flow: Flow) -> Self {
        let mut routes = response.headers.addresses(Name::RecordRoute).unwrap_or_default();
        routes.reverse();
        // A phone behind NAT was called over the flow that it registered on; its Contact leads nowhere.
        let direct = invite.uri.socket_address() == Some(flow.remote);
        Dialog {
            call_id: invite.call_id.clone(),
            local: invite.from.clone(),
            remote: response.to.clone(),
            local_sequence: invite.cseq,
            remote_sequence: None,
            target: response.headers.contact().map_or_else(|| invite.uri.clone(), |c| c.uri),
            pinned: flow.transport.is_reliable() || (routes.is_empty() && !direct),
            routes,
            flow,
            contact: invite.headers.text(Name::Contact).map(|c| c.into_owned()).unwrap_or_default(),
        }
    }

    /// The 2xx makes this early dialog a confirmed one: route set and target are taken anew, the numbers of the
    /// requests that went to and fro meanwhile stay (RFC 3261 §13.2.2.4).
    pub fn confirmed(self, invite: &Request, response: &Response, flow: Flow) -> Self {
        let Dialog { local_sequence, remote_sequence, target, .. } = self;
        let mut dialog = Dialog::of_client(invite, response, flow);
        dialog.raise_sequence(local_sequence);
        dialog.remote_sequence = remote_sequence;
        if !response.headers.has(Name::Contact) {
            dialog.target = target;
        }
        dialog
    }

    /// Our requests are numbered above `number` from now on.
    pub fn raise_sequence(&mut self, number: u32) {
        self.local_sequence = self.local_sequence.max(number);
    }

    /// Whether a request from the peer, found by our tag, is of this dialog (RFC 3261 §12).
    pub fn owns(&self, request: &Request) -> bool {
        request.call_id == self.call_id && request.from.tag() == self.remote.tag()
    }

    /// Takes the number of a peer's request. `false` where it is out of order (RFC 3261 §12.2.2): 500.
    pub fn accept_sequence(&mut self, number: u32) -> bool {
        if self.remote_sequence.is_some_and(|last| number < last) {
            return false;
        }
        self.remote_sequence = Some(number);
        true
    }

    /// The peer moved: its re-INVITE, UPDATE or 2xx to ours names a new Contact (RFC 3261 §12.2). A repeated or
    /// missing one changes nothing.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Some(contact) = headers.contact() {
            self.target = contact.uri;
        }
    }

    /// A peer that came over a new connection, or whose address translator chose another port, is called back
    /// there.
    pub fn refresh_flow(&mut self, flow: Flow) {
        if self.pinned && flow.transport == self.flow.transport {
            self.flow = flow;
        }
    }

    /// The connection is gone: the next request opens one to where the target is.
    pub fn lose_connection(&mut self) {
        self.flow.connection = 0;
        if let Some(remote) = self.next_hop().and_then(Uri::socket_address) {
            self.flow.remote = remote;
        }
    }

    /// The next request of ours, numbered, on its way over the flow given with it. Via is put on when it is sent.
    pub fn request(&mut self, method: Method) -> (Request, Flow) {
        self.local_sequence = self.local_sequence.wrapping_add(1) & 0x7fff_ffff;
        (self.compose(method, self.local_sequence), self.way())
    }

    /// The ACK of a 2xx to our INVITE of that number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, number: u32) -> (Request, Flow) {
        (self.compose(Method::Ack, number), self.way())
    }

    /// The tag that we gave.
    pub fn local_tag(&self) -> Option<Text> {
        self.local.tag()
    }

    /// The peer's tag; `None` where it is of RFC 2543's time.
    pub fn remote_tag(&self) -> Option<Text> {
        self.remote.tag()
    }

    pub fn call_id(&self) -> &Text {
        &self.call_id
    }

    /// Of our last request.
    pub fn local_sequence(&self) -> u32 {
        self.local_sequence
    }

    /// Our Contact's value.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// The way that the peer's messages take.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Request-URI and Route of RFC 3261 §12.2.1.1.
    fn compose(&self, method: Method, number: u32) -> Request {
        let mut headers = Headers::default();
        headers.push(Name::MaxForwards, "70");
        let uri = match self.routes.split_first() {
            Some((first, rest)) if !first.uri.is_loose_router() => {
                // A strict router: it takes the Request-URI, the target comes last.
                for route in rest {
                    headers.push(Name::Route, route.to_value());
                }
                headers.push(Name::Route, NameAddr::new(self.target.clone()).to_value());
                first.uri.clone()
            }
            _ => {
                for route in &self.routes {
                    headers.push(Name::Route, route.to_value());
                }
                self.target.clone()
            }
        };
        Request {
            method,
            uri,
            vias: Vec::with_capacity(1),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.call_id.clone(),
            cseq: number,
            headers,
            body: Bytes::new(),
        }
    }

    fn next_hop(&self) -> Option<&Uri> {
        Some(self.routes.first().map_or(&self.target, |route| &route.uri))
    }

    /// A host name is not resolved here: such a peer is reached where it came from.
    fn way(&self) -> Flow {
        if self.pinned && (!self.flow.transport.is_reliable() || self.flow.connection != 0) {
            return self.flow;
        }
        let Some(hop) = self.next_hop() else { return self.flow };
        let Some(remote) = hop.socket_address().filter(|a| same_family(a, &self.flow.local)) else {
            return self.flow;
        };
        let transport = hop.transport().unwrap_or(self.flow.transport);
        let connection = if (transport, remote) == (self.flow.transport, self.flow.remote) {
            self.flow.connection
        } else {
            0
        };
        Flow { transport, remote, connection, ..self.flow }
    }
}

/// Whether an address translator stands between us and the sender: the packet came from elsewhere than its Via
/// says (RFC 3581 §4; `received` and `rport` are filled in).
fn is_translated(request: &Request) -> bool {
    let Some(via) = request.via() else { return false };
    let moved = via.received().is_some_and(|ip| via.host() != super::Host::Ip(ip));
    let other_port = via.rport().flatten().is_some_and(|port| port != via.port().unwrap_or(5060));
    moved || other_port
}

fn same_family(a: &SocketAddr, b: &SocketAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}
